"""The parameters of SendEmail for one message. Pure. A message that cannot be sent raises ValueError."""

import re
from functools import lru_cache
from typing import Any

from notifier.messages import ORIGINAL_RECIPIENT_HEADER, SES_NAME, Email, EmailContent, Message, has_copies
from workers.channels.attachments import files_of
from workers.channels.copies import recipients_of
from workers.channels.header import ascii_urls, encoded_words, header_text
from workers.channels.mailbox import wire_address
from workers.channels.ses.attachments import attachment_parameter

NOTIFICATION_HEADER = "X-Notification-Id"
MAX_RECIPIENTS = 50
MAX_HEADERS = 15
"""Custom headers that SES takes in a mail."""
MAX_NAME = 126
"""Characters of a header's name that SES takes."""
MAX_VALUE = 995
"""Characters of a header's value that SES takes."""
MAX_HEADER = 996
"""Characters of a header's name and value together that SES takes."""

_NAME = re.compile(r"[!-9;-~]+")
_RESERVED = re.compile(
    r"bcc|cc|date|dkim-signature|from|message-id|mime-version|received|reply-to|return-path|sender|subject|to"
    r"|x-notification-id|content-.*|x-ses-.*",
    re.IGNORECASE,
)

SesMessage = Message[Email, EmailContent]
Pair = dict[str, str]


def send_email_request(message: SesMessage, sender: str, configuration_set: str) -> dict[str, Any]:
    """Return the parameters for one recipient, with the tags by which events are matched to the notification.

    `sender` is the address of messages that name none, encoded for SES.
    """
    email, content = message.request, message.content
    request: dict[str, Any] = {
        "FromEmailAddress": checked_address("sender", email.sender) if email.sender else sender,
        "Destination": destination_of(email),
        "Content": {"Simple": _simple(content) | {"Headers": headers_of(message)}},
        "EmailTags": tags_of(message),
    }
    if email.attachments:
        request["Content"]["Simple"]["Attachments"] = [*map(attachment_parameter, files_of(email))]
    if email.reply_to:
        request["ReplyToAddresses"] = [checked_address("reply_to", email.reply_to)]
    if named := checked_name("configuration_set", email.configuration_set) or configuration_set:
        request["ConfigurationSetName"] = named
    if email.tenant:
        request["TenantName"] = checked_name("tenant", email.tenant)
    return request


def destination_of(email: Email) -> dict[str, list[str]]:
    """Return the parameter `Destination`. Raise ValueError for an invalid address, or for too many recipients."""
    if isinstance(email.to, str) and not has_copies(email):
        return {"ToAddresses": [checked_address("to", email.to)]}
    copies = recipients_of(email)
    if len(copies.all) > MAX_RECIPIENTS:
        raise ValueError(f"{len(copies.all)} recipients are more than the {MAX_RECIPIENTS} that SES takes in a mail")
    named = zip(("ToAddresses", "CcAddresses", "BccAddresses"), copies._fields, copies, strict=True)
    return {member: [checked_address(field, each) for each in kind] for member, field, kind in named if kind}


def tags_of(message: SesMessage) -> list[Pair]:
    return [{"Name": name, "Value": value} for name, value in message.tags]


def checked_address(field: str, address: str) -> str:
    try:
        return wire_address(address)
    except ValueError as error:
        raise ValueError(f"the address in `{field}` {error}") from None


def checked_name(field: str, name: str | None) -> str | None:
    """Return the name of a tenant or a configuration set; None for none. Raise ValueError if SES can have no such."""
    if name and not SES_NAME.fullmatch(name):
        raise ValueError(f"`{field}` is not 1 to 64 letters, digits, - and _")
    return name or None


def headers_of(message: SesMessage) -> list[Pair]:
    """Return the headers of a mail: the id of its notification, and those of its route."""
    return [{"Name": NOTIFICATION_HEADER, "Value": str(message.notification_id)}, *own_headers(message.request)]


def own_headers(email: Email) -> list[Pair]:
    """Raise ValueError for a header that SES or Notifier sets, or that no mail may have, and for too many."""
    headers = email.headers
    if len(headers) - (ORIGINAL_RECIPIENT_HEADER in headers) >= MAX_HEADERS:
        raise ValueError(f"{len(headers)} headers are more than the {MAX_HEADERS - 1} that may be added")
    return [_header(name, value) for name, value in headers.items()]


def _header(name: str, value: str) -> Pair:
    if not isinstance(name, str):
        raise ValueError(f"{str(name)[:MAX_NAME]!r} is not a valid header name")  # noqa: TRY004  as for each other one
    if error := _name_error(name):
        raise ValueError(error)
    if not isinstance(value, str) or not (wire := ascii_urls(header_text(value))):
        raise ValueError(f"the header {name} is empty, or not a text")
    if not wire.isascii():
        wire = encoded_words(wire)
    if len(wire) > MAX_VALUE or len(name) + len(wire) > MAX_HEADER:
        raise ValueError(f"the header {name} is too long: SES takes {MAX_VALUE} characters")
    return {"Name": name, "Value": wire}


@lru_cache(maxsize=1_000)  # the mails of a route have the same names
def _name_error(name: str) -> str | None:
    """Return why no header may have this name, None if one may."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        return f"{name[:MAX_NAME]!r} is not a valid header name"
    return f"the header {name} is set by Notifier or SES, not by a route" if _RESERVED.fullmatch(name) else None


def _simple(content: EmailContent) -> dict[str, Any]:
    body = {"Text": _utf8(content.text)}
    if content.html is not None:
        body["Html"] = _utf8(content.html)
    return {"Subject": _utf8(header_text(content.subject)), "Body": body}


def _utf8(text: str) -> Pair:
    return {"Data": text, "Charset": "UTF-8"}
