"""One email address as SES takes it: ASCII, one recipient, nothing that could start another header."""

import re
import unicodedata
from base64 import b64decode
from binascii import a2b_qp
from email.header import Header
from email.utils import formataddr
from functools import lru_cache

_SHAPE = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<inner>[^<>\s]+)>|(?P<bare>[^<>\s]+)")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?[^?]+\?([bq])\?([^?]*)\?=", re.IGNORECASE)
_LONGEST = 254
_LONGEST_WITH_NAME = 998  # a line of a mail; and a longer one of spaces alone would take minutes to match


def wire_address(address: object) -> str:
    """`Zoë <zoe@bücher.example>` in ASCII: the name as RFC 2047, the domain as Punycode.

    Raises ValueError, whose text does not repeat the address: it is personal.
    """
    if not isinstance(address, str) or not address.strip():
        raise ValueError("is empty, or not a text")
    if len(address) > _LONGEST_WITH_NAME:
        raise ValueError(f"is longer than {_LONGEST_WITH_NAME} characters")
    if has_controls(address):
        raise ValueError("holds a line break or another control character")
    return _wire(address)


@lru_cache(maxsize=2_000)  # the same message asks twice: for what suppressions call it, and for its request
def _wire(address: str) -> str:
    match = _SHAPE.fullmatch(address.strip())
    if match is None:
        raise ValueError("is not one address like name@example.com or Name <name@example.com>")
    name, mailbox = match["name"] or "", _mailbox(match["inner"] or match["bare"])
    if name.startswith('"') and name.endswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    if name.isascii():
        return formataddr((name, mailbox))
    return f"{encoded_words(name)} <{mailbox}>"


def mailbox_of(address: str) -> str:
    """The bare mailbox in lower case, so that two spellings of it are one. What is no address stays as it is."""
    try:
        wire = wire_address(address)
    except ValueError:
        return address.strip().lower()
    return wire.rpartition("<")[2].rstrip(">").lower()


def has_controls(text: str) -> bool:
    """Whether the text holds what no header may: line breaks of any kind, NUL, half a surrogate pair.

    Not within an encoded word either: whoever decodes it may write it into a header again.
    """
    return _CONTROL.search(text) is not None or any(map(_hides_controls, _ENCODED_WORD.findall(text)))


def _hides_controls(word: tuple[str, str]) -> bool:
    kind, content = word
    try:
        decoded = b64decode(f"{content}==") if kind in "bB" else a2b_qp(content, header=True)
    except ValueError:
        return False
    return any(byte < 0x20 or byte == 0x7F for byte in decoded)  # noqa: PLR2004


def encoded_words(text: str) -> str:
    """RFC 2047, in words of at most 75 characters."""
    return Header(text, "utf-8", maxlinelen=75).encode(linesep="")


def _mailbox(mailbox: str) -> str:
    local, at, domain = mailbox.rpartition("@")
    if not at:
        raise ValueError("has no @")
    if not local.isascii():
        raise ValueError("has letters other than ASCII before the @, which SES does not deliver")
    labels = [_label(label) for label in domain.split(".")]
    if not _LOCAL.fullmatch(local) or len(labels) == 1:
        raise ValueError("is not one valid address: name@example.com")
    address = f"{local}@{'.'.join(labels)}"
    if len(address) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    return address


def _label(label: str) -> str:
    # Not the codec `idna`: it is of 2003 and turns straße into strasse, which is somebody else's domain today.
    if not label.isascii():
        label = unicodedata.normalize("NFKC", label.lower())
        if not all(unicodedata.category(sign)[0] in "LMN" or sign == "-" for sign in label):
            raise ValueError("has a domain with signs that no domain may have")
        label = label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
    if not _LABEL.fullmatch(label):
        raise ValueError("has a domain that is not valid")
    return label
