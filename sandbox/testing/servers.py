"""The servers of a test session: Postgres and Redis, embedded or given, and the SES simulator in this process."""

import os
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from notifier.channels import Channel, channel_class
from notifier.database.schema import migrate
from notifier.errors import UsageError
from notifier.settings import Settings
from sandbox.embedded.postgres import embedded_postgres
from sandbox.embedded.redis import embedded_redis
from sandbox.testing import clock
from sandbox.testing.ses import SimulatedSes, simulated_ses

_REDIS_DATABASES = 16
"""How many a Redis has, unless it is configured otherwise."""
DATABASE_URL, BROKER_URL = "NOTIFIER_TEST_DATABASE_URL", "NOTIFIER_TEST_BROKER_URL"


class TestServers:
    """Running servers, and a database with the schema and the clock from which those of tests are copied."""

    __test__ = False  # no class of tests

    def __init__(self, postgres: str, template: str, broker: str, ses: SimulatedSes) -> None:
        self.ses = ses
        self._postgres = postgres
        self._template = template
        self._broker = broker
        self._broker_databases = cycle(_own_databases())
        self._copying = ThreadPoolExecutor(1)
        self._spare = self._copying.submit(self._copied)
        self._channels: dict[str, Channel] = {}

    @contextmanager
    def database(self) -> Iterator[str]:
        """A database of its own: yield its URL. The one for the next test is made meanwhile."""
        name, self._spare = self._spare.result(), self._copying.submit(self._copied)
        try:
            yield _database(self._postgres, name, clock.OPTIONS)
        finally:
            self._copying.submit(self._drop, name)

    def email(self, settings: Settings) -> Channel:
        """Return the channel `email`. Tests with the same settings share it: a client of SES takes long to make."""
        key = settings.model_dump_json(exclude={"database_url", "broker_url"})
        if key not in self._channels:
            self._channels[key] = channel_class("email")(settings)
        return self._channels[key]

    def close(self) -> None:
        """Remove its databases, and close its channels."""
        for each in self._channels.values():
            each.close()
        self._copying.submit(self._drop, self._spare.result()).result()
        self._copying.shutdown()

    def _copied(self) -> str:
        name = f"notifier_kit_{secrets.token_hex(4)}"
        _administer(self._postgres, f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name

    def _drop(self, name: str) -> None:
        _administer(self._postgres, f"DROP DATABASE {name} WITH (FORCE)")

    def broker(self) -> str:
        """Return the URL of an empty logical database of Redis."""
        url = urlsplit(self._broker)._replace(path=f"/{next(self._broker_databases)}").geturl()
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url


@contextmanager
def test_servers(folder: Path) -> Iterator[TestServers]:
    """Start the servers; their logs are in `folder`. NOTIFIER_TEST_DATABASE_URL and NOTIFIER_TEST_BROKER_URL name
    servers that run already; the login to Postgres may create databases. Raise Unreachable if one does not start.
    """
    with ExitStack() as stack:
        ses = stack.enter_context(simulated_ses())
        postgres = os.environ.get(DATABASE_URL)
        if not postgres:
            postgres = stack.enter_context(embedded_postgres(folder, durable=False)).url()
        broker = os.environ.get(BROKER_URL)
        if not broker:
            broker = stack.enter_context(embedded_redis(folder, durable=False)).url
        template = stack.enter_context(_template(postgres))
        with closing(TestServers(postgres, template, broker, ses)) as servers:
            yield servers


test_servers.__test__ = False  # type: ignore[attr-defined]  # no test


def _own_databases() -> Sequence[int]:
    """Return those of the 16 logical databases of a Redis that this process may empty: the others are of the other
    processes of pytest-xdist, which share a server that NOTIFIER_TEST_BROKER_URL names.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if count > _REDIS_DATABASES and BROKER_URL in os.environ:
        raise UsageError(f"{count} processes of tests share the 16 databases of {BROKER_URL}: use -n 16 at most")
    return range(_REDIS_DATABASES)[number % _REDIS_DATABASES :: count]


@contextmanager
def _template(postgres: str) -> Iterator[str]:
    """Yield the name of a database with the clock and our schema, to which no connection stays open: Postgres copies
    no database that is in use.
    """
    name = f"notifier_kit_template_{secrets.token_hex(4)}"
    _administer(postgres, f"CREATE DATABASE {name}")
    try:
        clock.install(_database(postgres, name))
        migrate(_database(postgres, name, clock.OPTIONS))
        yield name
    finally:
        _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def _database(url: str, name: str, *options: str) -> str:
    """Return the URL of another database of that server, with more parameters."""
    given = urlsplit(url)
    query = "&".join(filter(None, (given.query, *options)))
    return given._replace(scheme="postgresql", path=f"/{name}", query=query).geturl()


def _administer(url: str, statement: str) -> None:
    address = urlsplit(url)._replace(scheme="postgresql").geturl()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())
