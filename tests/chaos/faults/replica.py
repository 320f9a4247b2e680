"""A streaming replica of Postgres that takes over, again and again: after each failover another one is made."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Self

import psycopg

from notifier.errors import NotifierError
from sandbox.embedded.postgres import PostgresServer
from tests.chaos.faults.proxy import _CHUNK, Connection, Proxy
from tests.waiting import wait_until

PROMPT = {"wal_retrieve_retry_interval": "200ms", "wal_keep_size": "512MB"}
"""Settings of a primary whose replica comes back soon after a restart."""
_SECONDS = 120.0

_IS_SYNCHRONOUS = """
SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND flush_lsn >= pg_current_wal_lsn()
"""
_STREAMS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"


class LateProxy(Proxy):
    """Passes on everything `delay` seconds later; what is on its way when a connection ends never arrives."""

    delay = 2.0

    async def _pump(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        del way
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        late = asyncio.ensure_future(self._write_late(under_way, writer))
        with suppress(OSError):
            while connection.open and (data := await reader.read(_CHUNK)):
                under_way.put_nowait((time.monotonic() + self.delay, data))
        late.cancel()
        connection.abort()

    async def _write_late(self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.write(data)
            with suppress(OSError):
                await writer.drain()


class Replicated:
    """`primary`, and its replica. `synchronous`: a commit waits for the replica's disk; otherwise the replica is
    always two seconds behind.

    `moved` is called with the port of the new primary before that takes writes, as an address may move too early.
    """

    def __init__(
        self, primary: PostgresServer, *, synchronous: bool, moved: Callable[[int], None] = lambda _: None
    ) -> None:
        self.primary = self._first = primary
        self._synchronous = synchronous
        self._moved = moved
        self._behind: Proxy | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="replica")
        self._replica: Future[PostgresServer] | None = None
        self._stopping = False

    def __enter__(self) -> Self:
        """Raises NotifierError where the first replica cannot be made."""
        self._replica = self._thread.submit(self._make)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        with suppress(Exception):
            self.replica.stop("kill")
        self._thread.shutdown()
        if self.primary is not self._first:  # the caller that made it ends it
            self.primary.stop("kill")
        if self._behind:
            self._behind.__exit__()

    @property
    def replica(self) -> PostgresServer:
        """Waits until there is one that keeps up. Raises NotifierError where none can be made."""
        assert self._replica is not None
        return self._replica.result(_SECONDS)

    def fail_over(self) -> None:
        """The primary dies, its replica takes over, and another replica is begun."""
        replica = self.replica
        self.primary.remove()
        if self._behind:
            self._behind.cut_all()
        self._moved(replica.port)
        replica.promote()
        self.primary = replica
        self._replica = self._thread.submit(self._make)

    def _make(self) -> PostgresServer:
        """Tries again where the primary is restarted meanwhile."""
        until = time.monotonic() + _SECONDS
        while True:
            try:
                return self._made()
            except (NotifierError, psycopg.Error, AssertionError):
                if self._stopping or time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def _made(self) -> PostgresServer:
        # A copy that did not come up may have left this. The next, once promoted, would wait for a lost standby.
        self.primary.execute("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
        replica = self.primary.replica()
        if not self._synchronous:
            replica.follow(self._late())
        try:
            replica.start()
            if self._synchronous:
                self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
            question = _IS_SYNCHRONOUS if self._synchronous else _STREAMS
            wait_until(lambda: self._stopping or self._says(question), seconds=20)
        except BaseException:
            replica.remove()
            raise
        return replica

    def _late(self) -> int:
        """The port behind which the primary is two seconds away."""
        if self._behind is None:
            self._behind = LateProxy(self.primary.port).__enter__()
        self._behind.target = self.primary.port
        return self._behind.port

    def _says(self, question: str) -> bool:
        with psycopg.connect(self.primary.url(), autocommit=True) as connection:
            row = connection.execute(question.encode()).fetchone()
        return bool(row and row[0])
