"""Values of headers of mails and webhooks: text on one line, and URLs, in ASCII."""

import re
from base64 import b64decode
from binascii import a2b_qp
from contextlib import suppress
from email.header import Header
from urllib.parse import quote

from notifier.text import one_line
from workers.channels.domain import ascii_domain

_ENCODED_WORD = re.compile(r"=\?([^?]+)\?([bq])\?([^?]*)\?=", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"<\s*((?:[a-z][a-z0-9+.-]*://|mailto:|sms:|tel:)[^<>]*)>", re.IGNORECASE)
_URL = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+", re.IGNORECASE)
_HOST = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?)([^/?#:@\[\]]+)(.*)", re.DOTALL)
_MAILTO = re.compile(r"(mailto:[^?@]*@)([^?,@]+)(.*)", re.DOTALL | re.IGNORECASE)
_TO_ENCODE = re.compile(r"<[!-;=?-~]*[^!-~]")
"""An opening bracket with, before another bracket, a character that a URL may not have."""
_AS_IT_IS = "".join(map(chr, range(0x21, 0x7F)))


def header_text(text: str) -> str:
    """Return the text on one line, without control characters.

    An encoded word (RFC 2047) that decodes to control characters is made invalid, so that no reader decodes it and
    writes them into another header.
    """
    text = one_line(text)
    return _ENCODED_WORD.sub(_broken, text) if "=?" in text else text


def encoded_words(text: str) -> str:
    """Return the text as encoded words (RFC 2047), each of at most 75 characters."""
    return Header(text, "utf-8", maxlinelen=75).encode(linesep="")


def ascii_urls(value: str) -> str:
    """Return the value with its URLs percent-encoded, and their hosts in Punycode.

    In angle brackets, as in `List-Unsubscribe`, spaces are encoded too, because readers remove them there.
    """
    if value.isascii() and not _TO_ENCODE.search(value):
        return value
    value = _IN_BRACKETS.sub(lambda found: f"<{_ascii_url(found[1].strip())}>", value)
    return value if value.isascii() else _URL.sub(lambda found: _ascii_url(found[0]), value)


def _ascii_url(url: str) -> str:
    parts = _HOST.fullmatch(url) or _MAILTO.fullmatch(url)
    if parts is not None and not parts[2].isascii():
        with suppress(ValueError):  # an invalid host is percent-encoded like the rest
            url = f"{parts[1]}{ascii_domain(parts[2])}{parts[3]}"
    return quote(url, safe=_AS_IT_IS)


def _broken(word: re.Match[str]) -> str:
    return word[0].replace("?", "\ufffd") if _hides_controls(word[2], word[3]) else word[0]


def _hides_controls(kind: str, content: str) -> bool:
    try:
        decoded = b64decode(f"{content}==") if kind in "bB" else a2b_qp(content, header=True)
    except ValueError:
        return False
    return any(byte < 0x20 or byte == 0x7F for byte in decoded)  # noqa: PLR2004
