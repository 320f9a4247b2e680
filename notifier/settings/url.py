"""The URL of a server, parsed strictly.

User names and passwords may contain any character but `/`, `?`, control characters and white space; those, and `%`,
are written as %2F, %3F, %25. Error texts contain no part of the URL: if it was split in the wrong place, the part may
belong to the password.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, unquote

POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
"""The schemes of NOTIFIER_DATABASE_URL."""
Host = tuple[str, int | None]
"""A name or address, and its port, None if none is given."""

_SCHEME = re.compile(r"([A-Za-z][\w+.-]*)://(.*)", re.ASCII | re.DOTALL)
_HOST = re.compile(r"(?P<name>[\w.-]*|(?:%2[Ff]|/)[^:,;@]*|\[[0-9A-Fa-f:.]+(?:%\w+)?])(?::(?P<port>\d+))?")
_NUMBER = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65_535
ENCODE = "characters of a user name or password such as / ? % and white space must be written as %2F %3F %25 %20"


class UrlError(ValueError):
    """A URL is wrong. The text repeats no part of it."""

    def named(self, variable: str, example: str) -> str:
        """Return the error text for the setting `variable`, with an example of a right value."""
        return f"{variable} is wrong: {self}. It is a URL like {example}"


class NoUrlError(UrlError):
    """The text has no scheme: it is not a URL."""

    def named(self, variable: str, example: str) -> str:
        return f"{variable} is not a URL like {example}"


@dataclass(frozen=True, slots=True)
class Url:
    """The decoded parts of a URL. `path` has no leading slash; `options` are the pairs after the question mark."""

    scheme: str
    username: str | None
    password: str | None
    hosts: tuple[Host, ...]
    path: str
    options: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, text: str, schemes: Sequence[str]) -> Self:
        """Parse a URL. Raise UrlError if it is malformed or has none of the `schemes`."""
        found = _SCHEME.fullmatch(text)
        if not found:
            raise NoUrlError(f"it must start with {schemes[0]}://")
        if found[1].lower() not in schemes:
            raise UrlError(f"it must start with {schemes[0]}://")
        head, _, query = found[2].partition("?")
        authority, _, path = head.partition("/")
        if "@" in path or "@" in query:
            raise UrlError(f"there is an @ behind its host: {ENCODE}, and an @ there as %40")
        credentials, at, listed = authority.rpartition("@")
        hosts = hosts_of(listed)
        if any(sign.isspace() or not sign.isprintable() for sign in head):
            raise UrlError(f"there is white space or a control character in it: {ENCODE}")
        name, colon, password = credentials.partition(":")
        return cls(
            found[1].lower(),
            decoded(name) or None if at else None,
            decoded(password) if colon else None,
            hosts,
            decoded(path),
            _options(query),
        )

    def once(self) -> dict[str, str]:
        """Return the options. Raise UrlError if one is given twice."""
        options = dict(self.options)
        if len(options) < len(self.options):
            raise UrlError("an option behind its ? is given twice")
        return options


def hosts_of(text: str) -> tuple[Host, ...]:
    """Return the hosts of a list with commas; none for an empty text. Raise UrlError if one is malformed."""
    names = re.split("[,;]", text) if text else []
    try:
        if len(names) > 1 and not all(names):
            raise UrlError("a host has no name")  # noqa: TRY301  the same words for all of a list
        return tuple(map(_host, names))
    except UrlError as error:
        hint = "; several hosts are written host1:5432,host2:5432" if len(names) > 1 else ""
        raise UrlError(f"{error}{hint}") from None


def port_of(text: str) -> int:
    """Return the number of a port. Raise UrlError if it is none."""
    if not _NUMBER.fullmatch(text) or not 0 < int(text) <= _HIGHEST_PORT:
        raise UrlError(f"the port is not a number from 1 to {_HIGHEST_PORT}: {ENCODE}")
    return int(text)


def decoded(text: str) -> str:
    """Return the text with each %XX decoded. Raise UrlError if the result is not printable UTF-8."""
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UrlError("a %XX in it is not UTF-8") from None
    if not plain.isprintable():
        raise UrlError("a %XX in it is a control character")
    return plain


def written(host: str, port: int) -> str:
    """Return host and port as a URL has them; an IPv6 address gets brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def without_secret(text: str) -> str:
    """Return the URL of an HTTP endpoint unchanged. Raise UrlError if it has a user, a password or options."""
    url = Url.of(text, ("https", "http"))
    if url.username or url.password or url.options:
        raise UrlError("must be a URL without user, password and query")
    return text


def is_loopback(host: str) -> bool:
    """Return whether a host, as it stands in an address, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(text: str) -> Host:
    found = _HOST.fullmatch(text)
    if not found:
        name, colon, port = text.rpartition(":")
        if colon and _HOST.fullmatch(name):
            return name, port_of(port)
        raise UrlError(f"the host cannot be read: {ENCODE}")
    name = decoded(found["name"]).strip("[]")
    return name, port_of(found["port"]) if found["port"] else None


def _options(query: str) -> tuple[tuple[str, str], ...]:
    if not query:
        return ()
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise UrlError("what stands behind its ? is not a list like name=value&name=value") from None
    if not all(name.isidentifier() and value.isprintable() for name, value in pairs):
        raise UrlError("an option behind its ? cannot be read")
    return tuple(pairs)
