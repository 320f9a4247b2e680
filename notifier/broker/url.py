"""The URL of the broker. redis-py and kombu read the same URL differently, so it is parsed here for both."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from notifier.errors import SettingsError
from notifier.settings.url import Url, UrlError, written

_PLAIN, _TLS = ("redis",), ("rediss",)
_SOCKET = ("unix", "redis+socket")
_SENTINEL = ("sentinel", "redis+sentinel", "redis-sentinel")
_SENTINEL_TLS = ("sentinels", "rediss+sentinel", "rediss-sentinel")
SCHEMES = (*_PLAIN, *_TLS, *_SOCKET, *_SENTINEL, *_SENTINEL_TLS)
_EXAMPLE = "redis://:password@host:6379/0"
_NEXT = re.compile(r";(?=[A-Za-z][\w+-]*://)", re.ASCII)
_DATABASE = re.compile(r"[0-9]{1,6}")
_MASTER = re.compile(r"[\w.-]+", re.ASCII)
_MASTER_NAMES = ("master_name", "service_name", "sentinelMasterId")
_CERTIFICATES = ("required", "optional", "none")
_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """NOTIFIER_BROKER_URL, parsed.

    `hosts` are the Redis servers, or with `master` the Sentinels that return its address. `tls` are the options of
    redis-py for TLS, None without TLS; `sentinel` are the user and password of the Sentinels; `options` are those of
    a connection, under the names of redis-py and kombu.
    """

    hosts: tuple[tuple[str, int], ...]
    socket: str
    database: int
    username: str | None
    password: str | None
    tls: Mapping[str, Any] | None
    master: str
    sentinel: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse a URL. Raise SettingsError, whose text contains no part of the URL, if it is malformed."""
        try:
            parts = _joined([Url.of(each, SCHEMES) for each in _NEXT.split(text)])
            return cls._of(parts, parts.once())
        except UrlError as error:
            raise SettingsError(error.named("NOTIFIER_BROKER_URL", _EXAMPLE)) from None

    @classmethod
    def _of(cls, parts: Url, options: dict[str, str]) -> Self:
        by_sentinel = parts.scheme in (*_SENTINEL, *_SENTINEL_TLS)
        path = "" if parts.scheme in _SOCKET else parts.path.strip("/")
        master, path = _master(path, options) if by_sentinel else ("", path)
        if len(parts.hosts) > 1 and not by_sentinel:
            raise UrlError("it names several servers: name their Sentinels, as sentinel://one,two/0?master_name=NAME")
        made = cls(
            hosts=tuple(
                (host or "127.0.0.1", port or (26379 if by_sentinel else 6379)) for host, port in _hosts(parts)
            ),
            socket=_socket(parts) if parts.scheme in _SOCKET else "",
            database=_database(path, options),
            username=options.pop("username", parts.username) or None,
            password=options.pop("password", parts.password) or None,
            tls=_tls(options, asked=parts.scheme in (*_TLS, *_SENTINEL_TLS)),
            master=master,
            sentinel={
                name.removeprefix("sentinel_"): options.pop(name)
                for name in ("sentinel_username", "sentinel_password")
                if by_sentinel and name in options
            },
            options={name: read(options.pop(name), name) for name, read in _OPTIONS.items() if name in options},
        )
        if options:
            raise UrlError("an option behind its ? is not known here: docs/redis.md lists those that are")
        return made

    @property
    def kombu(self) -> str:
        """The URL for kombu, with nothing in it that redis-py reads differently; semicolons separate Sentinels."""
        secret = f":{_quoted(self.password)}" if self.password else ""
        credentials = f"{_quoted(self.username or '')}{secret}@" if self.username or secret else ""
        if self.socket:
            return f"redis+socket://{credentials}{quote(self.socket)}?virtual_host={self.database}"
        scheme = "sentinel" if self.master else "rediss" if self.tls is not None else "redis"
        return ";".join(f"{scheme}://{credentials}{written(*host)}/{self.database}" for host in self.hosts)

    @property
    def shown(self) -> str:
        """The URL for messages, without user, password and options."""
        if self.socket:
            return f"unix://{self.socket}?db={self.database}"
        where = ",".join(written(*host) for host in self.hosts)
        if self.master:
            return f"sentinel://{where}/{self.database}?master_name={self.master}"
        return f"{'redis' if self.tls is None else 'rediss'}://{where}/{self.database}"


def _joined(urls: list[Url]) -> Url:
    """Return one URL for a list as kombu writes it: `sentinel://one:26379/0;sentinel://two:26379/0`.

    User and password are those of the first URL that has one of them, the path that of the first that has one; the
    options of all are joined.
    """
    first, *others = urls
    if not others:
        return first
    if {each.scheme for each in urls} - {*_SENTINEL, *_SENTINEL_TLS} or len({each.scheme for each in urls}) > 1:
        raise UrlError("it names several servers: name their Sentinels, as sentinel://one,two/0?master_name=NAME")
    known = next((each for each in urls if each.username or each.password), first)
    return Url(
        first.scheme,
        known.username,
        known.password,
        tuple(host for each in urls for host in each.hosts),
        next((each.path for each in urls if each.path), ""),
        tuple(pair for each in urls for pair in each.options),
    )


def _hosts(parts: Url) -> tuple[tuple[str, int | None], ...]:
    if parts.scheme in _SOCKET:
        return ()
    if any(host.startswith("/") for host, _ in parts.hosts):
        raise UrlError("a socket in the file system is written unix:///path/to/redis.sock")
    return parts.hosts or (("", None),)


def _socket(parts: Url) -> str:
    if parts.hosts or not parts.path:
        raise UrlError("a socket in the file system is written unix:///path/to/redis.sock, with three slashes")
    return f"/{parts.path}"


def _database(path: str, options: dict[str, str]) -> int:
    """Return the number of the database from the path or an option. Raise UrlError if the two differ."""
    given = {text for text in (path, options.pop("db", ""), options.pop("virtual_host", "").strip("/")) if text}
    if not all(map(_DATABASE.fullmatch, given)):
        raise UrlError("the number of its database is not a number")
    numbers = {int(text) for text in given} or {0}
    if len(numbers) > 1:
        raise UrlError("it names two different databases, in its path and in its options")
    return numbers.pop()


def _master(path: str, options: dict[str, str]) -> tuple[str, str]:
    """Return the Sentinels' name of the server, and the rest of the path.

    It is written `/0?master_name=NAME`, `/NAME` or `/NAME/0`.
    """
    given = {options.pop(name) for name in _MASTER_NAMES if name in options}
    head, _, tail = path.rpartition("/")
    in_path, database = (tail, "") if not head and not _DATABASE.fullmatch(tail) else (head, tail)
    given |= {in_path} if in_path else set()
    if len(given) != 1 or not all(map(_MASTER.fullmatch, given)):
        raise UrlError("it must name the server that the Sentinels watch, as sentinel://one,two/0?master_name=NAME")
    return given.pop(), database


def _tls(options: dict[str, str], *, asked: bool) -> dict[str, Any] | None:
    given = {name: options.pop(name) for name in [*options] if name.startswith("ssl_")}
    if not asked:
        if given:
            raise UrlError("an option for TLS (ssl_...) stands behind it: start it with rediss://, or sentinels://")
        return None
    if given.keys() - {*_FILES, "ssl_cert_reqs", "ssl_check_hostname", "ssl_password", "ssl_ciphers"}:
        raise UrlError("an option behind its ? is not known here: docs/redis.md lists those that are")
    for name in _FILES:
        if name in given and not Path(given[name]).exists():
            raise UrlError(f"there is no such file as {name} names")
    checks = given.pop("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if checks not in _CERTIFICATES:
        raise UrlError(f"ssl_cert_reqs is not one of {', '.join(_CERTIFICATES)}")
    hostname = _yes(given.pop("ssl_check_hostname", "true"), "ssl_check_hostname")
    return {"ssl_cert_reqs": checks, **given, **({} if hostname else {"ssl_check_hostname": False})}


def _yes(text: str, name: str) -> bool:
    if (plain := text.lower()) not in {"true", "yes", "1", "false", "no", "0"}:
        raise UrlError(f"{name} is neither true nor false")
    return plain in {"true", "yes", "1"}


def _seconds(text: str, name: str) -> float:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,6})?", text) or not float(text):
        raise UrlError(f"{name} is not a number of seconds")
    return float(text)


def _whole_seconds(text: str, name: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text):
        raise UrlError(f"{name} is not a whole number of seconds")
    return int(text)


_OPTIONS: Mapping[str, Any] = {
    "socket_timeout": _seconds,
    "socket_connect_timeout": _seconds,
    "socket_keepalive": _yes,
    "health_check_interval": _whole_seconds,
    "client_name": lambda text, _: text,
}


def _quoted(text: str) -> str:
    return quote(text, safe="")
