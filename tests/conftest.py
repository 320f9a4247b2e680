"""The servers that tests talk to: embedded ones, started when the first test asks, or those of NOTIFIER_TEST_*."""

import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
import structlog
from hypothesis import HealthCheck, settings

from notifier.broker import Broker
from sandbox.embedded.ministack import MinistackServer, ministack
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from sandbox.embedded.redis import RedisServer, embedded_redis
from tests.slow import is_slow, listed
from tests.waiting import SLOWNESS

# How long an input takes says how busy the machine is, not whether the code is right.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = listed()
    for item in items:
        if is_slow(item.nodeid, slow):
            item.add_marker(pytest.mark.slow)
        if config.getoption("timeout") is None:
            marker = item.get_closest_marker("timeout")
            seconds = marker.args[0] if marker else float(config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(seconds * SLOWNESS))


@dataclass(frozen=True)
class GivenServer:
    """A server that somebody else runs."""

    url: str


@dataclass(frozen=True)
class GivenPostgres:
    """A Postgres that somebody else runs; its user may create databases."""

    given: str

    def url(self, database: str | None = None) -> str:
        parts = urlsplit(self.given)._replace(scheme="postgresql")
        return parts._replace(path=f"/{database}").geturl() if database else parts.geturl()


@pytest.fixture(scope="session", autouse=True)
def nondurable_database() -> Iterator[None]:
    """The tests' own Postgres runs with fsync=off; it never crashes with its machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTIFIER_ALLOW_NONDURABLE_DATABASE", "true")
        yield


@pytest.fixture(scope="session", autouse=True)
def loggers_are_not_cached() -> Iterator[None]:
    """A logger that a test has used would keep that test's processors, and no later test could capture its lines."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog, "configure", lambda **given: configure(**given | {"cache_logger_on_first_use": False})
        )
        yield


@pytest.fixture(autouse=True)
def logging_of_this_process() -> Iterator[None]:
    """Take back what a command changes that a test runs in this process: root level, root handlers, structlog.

    Left in place they would write to a closed stream, and show other tests records of DEBUG.
    """
    root, configuration = logging.getLogger(), structlog.get_config()
    level, handlers = root.level, [*root.handlers]
    yield
    root.setLevel(level)
    for each in [*root.handlers]:
        if each not in handlers and type(each) is logging.StreamHandler:  # pytest's own are of derived classes
            root.removeHandler(each)
    structlog.configure(**configuration)


@pytest.fixture(scope="session")
def server_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def postgres_server(server_logs: Path) -> Iterator[PostgresServer | GivenPostgres]:
    if given := os.environ.get("NOTIFIER_TEST_DATABASE_URL"):
        yield GivenPostgres(given)
        return
    with embedded_postgres(server_logs, durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(server_logs: Path) -> Iterator[RedisServer | GivenServer]:
    if given := os.environ.get("NOTIFIER_TEST_BROKER_URL"):
        yield GivenServer(given)
        return
    with embedded_redis(server_logs, durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def ministack_server(server_logs: Path) -> Iterator[MinistackServer | GivenServer]:
    if given := os.environ.get("NOTIFIER_TEST_AWS_ENDPOINT_URL"):
        yield GivenServer(given)
        return
    with ministack(server_logs) as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres_server: PostgresServer | GivenPostgres) -> Iterator[str]:
    """The name of a database with our schema and nothing in it. No test may stay connected to it."""
    from notifier.database.schema import migrate

    name = f"notifier_template_{secrets.token_hex(4)}"
    administer(postgres_server.url(), f"CREATE DATABASE {name}")
    try:
        migrate(postgres_server.url(name))
        yield name
    finally:
        administer(postgres_server.url(), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(postgres_server: PostgresServer | GivenPostgres, template_database: str) -> Iterator[str]:
    """A database of this test's own, with our schema."""
    name = f"notifier_test_{secrets.token_hex(4)}"
    administer(postgres_server.url(), f"CREATE DATABASE {name} TEMPLATE {template_database}")
    try:
        yield postgres_server.url(name)
    finally:
        administer(postgres_server.url(), f"DROP DATABASE {name} WITH (FORCE)")


def administer(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def broker_databases() -> Iterator[int]:
    return cycle(range(16))


@pytest.fixture
def broker_url(redis_server: RedisServer | GivenServer, broker_databases: Iterator[int]) -> str:
    """An empty logical database of Redis; the one before it may still have a client that is about to leave."""
    url = urlsplit(redis_server.url)._replace(path=f"/{next(broker_databases)}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def broker(broker_url: str) -> Iterator[Broker]:
    broker = Broker(broker_url)
    yield broker
    broker.close()
