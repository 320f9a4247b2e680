"""Addresses within the console."""

from urllib.parse import urlsplit, urlunsplit


def local_path(address: str) -> str:
    """Return the address if it is a path of the console, else its first page: nothing may lead to another site."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours and "\\" not in address else "/"


def path_of(address: str) -> str:
    """Return the path of an address, with what is behind the question mark; empty if it is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return urlunsplit(("", "", parts.path, parts.query, ""))
