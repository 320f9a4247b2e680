"""The limits of the SES API. Each check raises the ApiError with which SES would answer."""

import re
from collections.abc import Collection, Sequence

from simulators.ses.errors import bad_request
from simulators.shared.errors import ApiError

MAX_BULK_ENTRIES = 50
MAX_RECIPIENTS = 50
MAX_HEADERS = 15
MAX_ADDRESS = 320
MAX_LOCAL = 64
MAX_HEADER_LENGTH = 996
MAX_TEMPLATE_DATA = 262_144
MAX_INLINE_REQUEST = 1024 * 1024

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,995}")
_CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAILBOX = re.compile(r"<((?:\"(?:[^\"\\]|\\.)*\"@)?[^<>\"]*)>\Z")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"")
_NAME = re.compile(r"(?:\"(?:[^\"\\]|\\.)*\"|[^\"<>@,;:()\[\]\\])*")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")

Pairs = Sequence[tuple[str, str]]


def bare(address: str) -> str:
    """Return the address without the display name: `ann@example.com` of `Ann <ann@example.com>`."""
    if (found := _MAILBOX.search(address)) is not None:
        return found[1]
    return address.strip()


def check_address(address: str) -> None:
    """By the rules of JavaMail, as SES does; the messages are JavaMail's."""
    if not address.isascii():
        raise bad_request(f"Non-ASCII characters in address: {address!r}; encode the name as RFC 2047 says")
    if len(address) > MAX_ADDRESS:
        raise bad_request(f"Address length is more than {MAX_ADDRESS} bytes long: '{address}'")
    found = _MAILBOX.search(address)
    if found is not None and not _NAME.fullmatch(address[: found.start()]):
        raise bad_request(f"Illegal address: {address!r}")
    local, at, domain = bare(address).rpartition("@")
    if not at:
        raise bad_request("Missing final '@domain'")
    if len(local) > MAX_LOCAL:
        raise bad_request(f"Local address is longer than {MAX_LOCAL} characters")
    if not _QUOTED.fullmatch(local):
        _check_local(local)
    _check_domain(domain)


def _check_local(local: str) -> None:
    if not local:
        raise bad_request("Missing local name")
    if local.startswith("."):
        raise bad_request("Local address starts with dot")
    if local.endswith("."):
        raise bad_request("Local address ends with dot")
    if ".." in local:
        raise bad_request("Local address contains dot-dot")
    if any(sign <= " " or sign == "\x7f" for sign in local):
        raise bad_request("Local address contains control or whitespace")
    if any(sign in '()<>,;:\\"[]@' for sign in local):
        raise bad_request("Local address contains illegal character")


def _check_domain(domain: str) -> None:
    if not domain:
        raise bad_request("Missing domain")
    if domain.startswith("."):
        raise bad_request("Domain starts with dot")
    if domain.endswith("."):
        raise bad_request("Domain ends with dot")
    if ".." in domain:
        raise bad_request("Domain contains dot-dot")
    if any(sign <= " " or sign == "\x7f" for sign in domain):
        raise bad_request("Domain contains control or whitespace")
    if not _DOMAIN.fullmatch(domain):
        raise bad_request("Domain contains illegal character")


def check_subject(subject: str) -> None:
    if any(sign < " " or "\x7f" <= sign <= "\x9f" for sign in subject):
        raise bad_request("Control characters are not allowed in the subject")


def check_recipients(recipients: Sequence[str]) -> None:
    if not recipients:
        raise bad_request("Provide at least one destination address.")
    if len(recipients) > MAX_RECIPIENTS:
        raise bad_request(f"Recipient count exceeds {MAX_RECIPIENTS}.")
    for recipient in recipients:
        check_address(recipient)


def check_tags(tags: Pairs) -> None:
    for name, value in tags:
        if not (_TAG.fullmatch(name) and _TAG.fullmatch(value)):
            raise bad_request(
                f"Invalid tag <{name:.300}>: name and value take ASCII letters, digits, '_' and '-', 1 to 256"
            )


def check_headers(headers: Pairs) -> None:
    if len(headers) > MAX_HEADERS:
        raise bad_request(f"A message has at most {MAX_HEADERS} headers, not {len(headers)}")
    for name, value in headers:
        if not _HEADER_NAME.fullmatch(name):
            raise bad_request(f"Invalid header name <{name:.130}>: 1 to 126 printable ASCII, no colon")
        if not _HEADER_VALUE.fullmatch(value):
            raise bad_request(f"Invalid value of header <{name}>: 1 to 995 printable ASCII")
        if len(name) + len(value) > MAX_HEADER_LENGTH:
            raise bad_request(f"Header <{name}> is longer than {MAX_HEADER_LENGTH} with its value")


def check_configuration_set(name: str) -> None:
    if not _CONFIGURATION_SET.fullmatch(name):
        raise bad_request(f"Invalid configuration set name <{name:.100}>.")


def check_tenant(name: str) -> None:
    if not _CONFIGURATION_SET.fullmatch(name):
        raise bad_request(f"Invalid tenant name <{name:.100}>.")


def check_template_data(data: str) -> None:
    if len(data) > MAX_TEMPLATE_DATA:
        raise bad_request(f"Template data is longer than {MAX_TEMPLATE_DATA}")


def check_inline_request(size: int) -> None:
    """`size` is the length of the request's JSON with the inline template, which is what SES counts."""
    if size > MAX_INLINE_REQUEST:
        raise bad_request(f"The request with an inline template is {size} bytes; SES takes 1 MB")


def check_entries(count: int) -> None:
    if not 1 <= count <= MAX_BULK_ENTRIES:
        raise bad_request(f"A bulk call has 1 to {MAX_BULK_ENTRIES} entries, not {count}")


def check_identity(address: str, identities: Collection[str], pending: Collection[str] = ()) -> None:
    """Only `identities` (addresses and domains) are verified; if there are none, all are that are not `pending`."""
    if not is_verified(bare(address), identities) or (pending and is_verified(bare(address), pending)):
        raise ApiError(
            "MessageRejected",
            "Email address is not verified. The following identities failed the check in this region: "
            + bare(address),
        )


def is_verified(identity: str, identities: Collection[str]) -> bool:
    """Return whether the address, its domain, or a parent of that domain is an identity."""
    if not identities or identity in identities:
        return True
    labels = identity.rpartition("@")[2].split(".")
    return any(".".join(labels[start:]) in identities for start in range(len(labels)))
