"""Decode header texts: the encoded words of RFC 2047 become readable."""

from email.header import decode_header, make_header
from email.utils import parseaddr


def readable(text: str) -> str:
    """Return the text without encoded words; unchanged if they cannot be decoded."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (LookupError, ValueError):
        return text


def readable_person(person: str) -> str:
    """Return an address with its display name: `Grüße <a@example.com>`."""
    name, address = parseaddr(person)
    if not address or person.strip().endswith(";"):  # parseaddr does not parse groups
        return readable(person)
    return f"{readable(name)} <{address}>" if name else address
