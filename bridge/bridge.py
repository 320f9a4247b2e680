"""The bridge: reads the shards that it holds, and keeps the house in order around that.

Any number of bridges may run. Threads are few and belong to no shard: whichever shard is due is polled by
whichever thread is free.
"""

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog

from bridge.holdings import Holdings
from bridge.intake import Intake
from bridge.leases import Leases
from bridge.loops import Loop
from bridge.reader import ShardReader
from bridge.relay import Relay
from bridge.streams import ShardGone, Streams
from notifier.errors import LeaseLost
from notifier.health import BEAT_SECONDS, Heartbeat
from notifier.outbox import Partitions

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 10.0
ACQUIRE_SECONDS = 2.0
RELAY_SECONDS = 0.5
HOUSEKEEPING_SECONDS = 3600.0
_SHARDS_AT_ONCE = 100
_OVERDUE_SECONDS = 1.0


class Bridge:
    """Reads until `stop`."""

    def __init__(
        self,
        tables: Sequence[str],
        streams: Streams,
        leases: Leases,
        intake: Intake,
        relay: Relay,
        partitions: Partitions,
        heartbeat: Heartbeat,
        threads: int = 8,
    ) -> None:
        self._tables = tables
        self._streams = streams
        self._leases = leases
        self._intake = intake
        self._partitions = partitions
        self._heartbeat = heartbeat
        self._holdings = Holdings(leases, _SHARDS_AT_ONCE)
        self._stopping = threading.Event()
        self._ready: queue.SimpleQueue[tuple[float, ShardReader] | None] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="poll")
        self._sweep = Loop("sweep", SWEEP_SECONDS, self.sweep)
        self._loops = (
            self._sweep,
            Loop("renew", leases.ttl / 4, self._holdings.renew),
            Loop("acquire", ACQUIRE_SECONDS, self._acquire),
            Loop("relay", RELAY_SECONDS, relay.run_once),
            Loop("housekeeping", HOUSEKEEPING_SECONDS, self._housekeeping),
        )

    def run(self) -> None:
        """Read until `stop` is called; then give the shards back."""
        self._housekeeping()
        self._heartbeat.beat()
        for loop in self._loops:
            loop.start()
        try:
            self._poll_until_stopped()
        finally:
            for loop in self._loops:
                loop.stop()
            self._pool.shutdown(wait=True, cancel_futures=True)
            log.info("bridge stopped", released=self._holdings.release_all())

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._stopping.set()
        self._ready.put(None)

    def sweep(self) -> None:
        """List all shards of all tables; one bridge at a time."""
        new = 0
        with self._leases.sweeping() as ours:
            for table in self._tables if ours else ():
                for arn in self._streams.streams(table):
                    try:
                        new += self._leases.register(table, arn, self._streams.shards(arn))
                    except ShardGone:
                        log.info("stream is gone", stream=arn)
        if new:
            log.info("new shards", count=new)
            self._acquire()

    def _housekeeping(self) -> None:
        self._partitions.ensure_around(datetime.now(UTC).date())

    def _acquire(self) -> None:
        if self._stopping.is_set():
            return
        for lease in self._holdings.acquire():
            log.info("reading shard", shard=lease.shard_id, table=lease.table, after=lease.checkpoint or "the start")
            self._ready.put((0.0, ShardReader(lease, self._streams, self._intake, self._leases)))

    def _poll_until_stopped(self) -> None:
        due: list[tuple[float, int, ShardReader]] = []
        number = itertools.count()  # breaks ties: readers have no order
        while not self._stopping.is_set():
            try:
                item = self._ready.get(timeout=_until(due[0][0]) if due else BEAT_SECONDS)
            except queue.Empty:
                item = None
            if item is not None:
                wait, reader = item
                heapq.heappush(due, (time.monotonic() + wait, next(number), reader))
            self._heartbeat.beat()
            while due and due[0][0] <= time.monotonic() and not self._stopping.is_set():
                self._pool.submit(self._poll, heapq.heappop(due)[2])

    def _poll(self, reader: ShardReader) -> None:
        lease = reader.lease
        if not self._holdings.has(lease):
            return
        if self._holdings.overdue():
            self._ready.put((_OVERDUE_SECONDS, reader))
            return
        try:
            wait = reader.poll()
        except LeaseLost as error:
            log.warning("shard given up", shard=lease.shard_id, reason=str(error))
            self._holdings.drop(lease)
        except Exception:
            # The answer to a commit may be lost: only the database knows the checkpoint, so start again from there.
            log.exception("shard given up, will be taken again", shard=lease.shard_id)
            self._holdings.drop(lease)
        else:
            if wait is None:
                self._holdings.forget(lease)
                self._sweep.wake()  # its children, if they can be seen yet
            else:
                self._ready.put((wait, reader))


def _until(moment: float) -> float:
    return min(max(0.0, moment - time.monotonic()), BEAT_SECONDS)
