"""The URL of Postgres, with one host, or several of which one takes writes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import psycopg
from sqlalchemy import URL

from notifier.errors import SettingsError
from notifier.settings.url import POSTGRES, Host, Url, UrlError, hosts_of, port_of, written

_PORT = 5432
_SETTING = re.compile(r"(?:-c|--)(?P<name>[A-Za-z_][\w.-]*)=(?P<value>.*)", re.ASCII | re.DOTALL)
_EXAMPLE = "postgresql://user:password@host:5432/database"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """NOTIFIER_DATABASE_URL, parsed: `url` for SQLAlchemy, and `options` for the driver that are not in it.

    `settings` are those of each session, such as search_path, from the URL's option `options`. They are set in each
    session, because a pooler drops or refuses that option at the session's start.
    """

    url: URL
    options: dict[str, str]
    settings: Mapping[str, str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse a URL. Raise SettingsError, whose text repeats only names of options, if it is malformed.

        Several hosts are written as libpq does (`one:5432,two:5432` before the slash, or `?host=one,two&port=1,2`) or
        as SQLAlchemy does (`?host=one:5432&host=two:5432`). Of several, a session is opened on the first that takes
        writes, unless the URL has `target_session_attrs` itself.
        """
        try:
            parts = Url.of(text, POSTGRES)
            hosts, options = _hosts(parts), _options(parts)
            settings = settings_of(options.pop("options", ""))
        except UrlError as error:
            raise SettingsError(error.named("NOTIFIER_DATABASE_URL", _EXAMPLE)) from None
        name, password = options.pop("user", parts.username), options.pop("password", parts.password)
        database = options.pop("dbname", parts.path) or None
        one = hosts[0] if len(hosts) == 1 and not hosts[0][0].startswith("/") else None
        primary = {"target_session_attrs": "read-write"} if len(hosts) > 1 else {}
        primary = {} if "target_session_attrs" in options else primary
        if one is None and hosts:
            options["host"] = ",".join(host for host, _ in hosts)
            options["port"] = ",".join(str(port or _PORT) for _, port in hosts)
        host, port = one or (None, None)
        url = URL.create("postgresql+psycopg", name, password or None, host, port, database, options)
        return cls(url, primary, settings)


def shown(url: URL) -> str:
    """Return the URL for a message, as a user writes it: with its hosts, without password and options.

    The options may hold a secret too, and SQLAlchemy's name of the driver is not the user's.
    """
    hosts, ports = (str(url.query.get(name, "")).split(",") for name in ("host", "port"))
    rendered = url.set(drivername=POSTGRES[0], query={}).render_as_string(hide_password=True)
    if hosts == [""]:
        return rendered
    among = ",".join(written(host, int(port)) for host, port in zip(hosts, ports, strict=True))
    head, mark, rest = rendered.partition("@/")
    return f"{head}@{among}/{rest}" if mark else rendered.replace(":///", f"://{among}/")


def settings_of(text: str) -> dict[str, str]:
    """Return the settings in a text such as `-c search_path=x --work_mem=4MB`. Raise UrlError for any other word."""
    words = [
        re.sub(r"\\(.)", r"\1", word)
        for word in re.findall(r"(?:[^\s\\]|\\.)+", re.sub(r"(^|\s)-c\s+", r"\1-c", text))
    ]
    found = [_SETTING.fullmatch(word) for word in words]
    if not all(found):
        raise UrlError("its options are not a list of settings like -c search_path=name")
    return {each["name"].replace("-", "_"): each["value"] for each in found if each}


def _hosts(parts: Url) -> tuple[Host, ...]:
    """Return the hosts before the slash, or those of the option `host`, which has priority, as in libpq."""
    given = [value for name, value in parts.options if name == "host"]
    hosts = tuple(host for value in given for host in hosts_of(value)) or parts.hosts
    ports = [port for name, value in parts.options if name == "port" for port in value.split(",")]
    if not ports:
        return hosts
    if len(ports) not in {1, len(hosts)}:
        raise UrlError("the option port must have one port, or as many as there are hosts")
    numbers = [port_of(port) if port else None for port in ports] * (len(hosts) if len(ports) == 1 else 1)
    return tuple((host, port or number) for (host, port), number in zip(hosts or (("", None),), numbers, strict=True))


def _options(parts: Url) -> dict[str, str]:
    """Return all options but host and port. Raise UrlError for one that libpq does not know."""
    others = [each for each in parts.options if each[0] not in {"host", "port"}]
    options = Url(parts.scheme, None, None, (), "", tuple(others)).once()
    for name in options:
        try:
            psycopg.conninfo.make_conninfo(**{name: ""})
        except psycopg.ProgrammingError:
            raise UrlError(f"{name} is an invalid connection option") from None
    return options
