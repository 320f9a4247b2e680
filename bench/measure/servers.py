"""What every candidate runs on: a real and durable Postgres and Redis, and simulators of DynamoDB Streams and SES."""

import itertools
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

from bench.ses_stub.process import SesStub, ses_stub
from notifier.errors import NotifierError
from sandbox.embedded.cleanup import remove_folder
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from sandbox.embedded.processes import stopped_by_signals
from sandbox.embedded.redis import RedisServer, embedded_redis
from sandbox.embedded.streams import StreamsServer, streams_simulator
from sandbox.system import TABLE

REGION = "eu-west-1"


@dataclass
class Servers:
    """Running servers. Logs lie in `folder`. Tests run without `durable`: their Postgres has fsync=off."""

    folder: Path
    postgres: PostgresServer
    broker: RedisServer
    streams: StreamsServer
    ses: SesStub
    durable: bool = True
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def pids(self) -> Mapping[str, int]:
        """By name; the simulators are those that no candidate pays for."""
        found = {"postgres": self.postgres.pid, "redis": self.broker.pid}
        servers = {name: pid for name, pid in found.items() if pid is not None}
        return {**servers, "streams simulator": self.streams.child.pid, "ses stub": self.ses.child.pid}

    def clear(self) -> None:
        """Nothing in Redis, no mail, and a table whose stream has no record."""
        with redis.Redis.from_url(self.broker.url) as client:
            client.flushall()
        self.ses.reset()
        self.streams.post("reset")
        self.streams.post("tables", table=TABLE, shards=0)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A new database with nothing in it; gone after the block."""
        name = f"bench_{next(self._numbers)}"
        self.postgres.create_database(name)
        try:
            yield self.postgres.url(name)
        finally:
            self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    def administer(self, statement: str) -> None:
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def bench_servers() -> Iterator[Servers]:
    """The parts for a program. A failure ends it with one line, and leaves the logs where that says."""
    folder = Path(tempfile.mkdtemp(prefix="notifier-bench-"))
    try:
        with stopped_by_signals(), running_servers(folder) as parts:
            yield parts
    except NotifierError as error:
        raise SystemExit(f"{error}\nThe logs are in {folder}") from None
    except BaseException:
        remove_folder(str(folder))
        raise
    remove_folder(str(folder))


@contextmanager
def running_servers(folder: Path, *, durable: bool = True) -> Iterator[Servers]:
    """All of them; `durable=False` is for tests."""
    with ExitStack() as stack:
        yield Servers(
            folder,
            stack.enter_context(embedded_postgres(folder, durable=durable)),
            stack.enter_context(embedded_redis(folder, durable=durable)),
            stack.enter_context(streams_simulator(folder)),
            stack.enter_context(ses_stub(folder)),
            durable,
        )
