"""The URL of Postgres: one host, or several of which one takes writes."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from notifier.errors import SettingsError

_HOST = re.compile(r"[\w.-]+(:\d+)?")
_EXPECTED = "NOTIFIER_DATABASE_URL is not a URL like postgresql://user:password@host:5432/database"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """`url` as SQLAlchemy takes it, and the `options` for the driver that are not in it."""

    url: URL
    options: dict[str, str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises SettingsError for a malformed URL.

        Of several hosts, as in `postgresql://user@one:5432,two:5432/database`, a session is opened on the first that
        takes writes, unless the URL has `target_session_attrs` itself.
        """
        try:
            url = make_url(_several_hosts(text))
            psycopg.conninfo.make_conninfo(**dict.fromkeys(url.query, ""))
        except psycopg.ProgrammingError as error:
            told = str(error).strip()
            if not told.startswith("invalid connection option"):  # it repeats a piece of the URL
                told = "option that cannot be read"
            raise SettingsError(f"NOTIFIER_DATABASE_URL has an {told}") from None
        except (ArgumentError, ValueError):
            raise SettingsError(_EXPECTED) from None
        several = isinstance(url.query.get("host"), tuple)
        primary = (
            {"target_session_attrs": "read-write"} if several and "target_session_attrs" not in url.query else {}
        )
        return cls(url.set(drivername="postgresql+psycopg"), primary)


def shown(url: URL) -> str:
    """The URL for a person: with its hosts, without its password. What else is in its query may be a secret too."""
    hosts = url.query.get("host", ())
    rendered = url.set(query={}).render_as_string(hide_password=True)
    return rendered.replace("@/", f"@{','.join(hosts)}/") if isinstance(hosts, tuple) else rendered


def _several_hosts(text: str) -> str:
    """The list of hosts, which is libpq's, as SQLAlchemy wants it: `?host=one:5432&host=two:5432`."""
    parts = urlsplit(text)
    credentials, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return text
    names = hosts.split(",")
    if not all(_HOST.fullmatch(each) for each in names):
        raise SettingsError(f"{_EXPECTED}; several hosts are host1:5432,host2:5432")
    query = "&".join([*(f"host={each}" for each in names), *filter(None, [parts.query])])
    return parts._replace(netloc=credentials + at, query=query).geturl()
