"""The servers of a benchmark: a real, durable Postgres and Redis, and simulators of DynamoDB Streams and SES."""

import itertools
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
import structlog

from bench.measure.command import workspace
from bench.ses_stub.process import SesStub, ses_stub
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from sandbox.embedded.redis import RedisServer, embedded_redis
from sandbox.embedded.streams import StreamsServer, streams_simulator
from sandbox.system import TABLE

REGION = "eu-west-1"


@dataclass
class Servers:
    """Running servers. Logs are in `folder`. Tests run without `durable`: their Postgres has fsync=off."""

    folder: Path
    postgres: PostgresServer
    broker: RedisServer
    streams: StreamsServer
    ses: SesStub
    durable: bool = True
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def pids(self) -> Mapping[str, int]:
        """Process ids by name. The CPU of the simulators does not count for a candidate."""
        found = {"postgres": self.postgres.pid, "redis": self.broker.pid}
        servers = {name: pid for name, pid in found.items() if pid is not None}
        return {**servers, "streams simulator": self.streams.child.pid, "ses stub": self.ses.child.pid}

    def clear(self) -> None:
        """Empty Redis and SES, and create the table anew, with a stream without records."""
        with redis.Redis.from_url(self.broker.url) as client:
            client.flushall()
        self.ses.reset()
        self.streams.post("reset")
        self.streams.post("tables", table=TABLE, shards=0)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, which is dropped after the block."""
        name = f"bench_{next(self._numbers)}"
        self.postgres.create_database(name)
        try:
            yield self.postgres.url(name)
        finally:
            self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    def administer(self, statement: str) -> None:
        """Run a statement as the superuser."""
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def bench_servers() -> Iterator[Servers]:
    """Servers for a command, whose output has no log lines below a warning: retention writes one for each old day."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with workspace() as folder, running_servers(folder) as servers:
        yield servers


@contextmanager
def running_servers(folder: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Start all servers; `durable=False` is for tests."""
    with ExitStack() as stack:
        yield Servers(
            folder,
            stack.enter_context(embedded_postgres(folder, durable=durable)),
            stack.enter_context(embedded_redis(folder, durable=durable)),
            stack.enter_context(streams_simulator(folder)),
            stack.enter_context(ses_stub(folder)),
            durable,
        )
