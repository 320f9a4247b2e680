"""The bridge: reads the shards that it holds, and keeps the house in order around that.

Any number of bridges may run. Threads are few and belong to no shard: whichever shard is due is polled by whichever
thread is free.
"""

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog

from bridge.brake import Brake
from bridge.counters import SHARDS_GIVEN_UP
from bridge.loops import Loop, NextIn
from bridge.stream.ahead import ReadAhead
from bridge.stream.client import Streams
from bridge.stream.holdings import Holdings
from bridge.stream.intake import Intake
from bridge.stream.reader import ShardReader
from bridge.stream.sweep import SWEEP_SECONDS, Sweep
from bridge.stream.tree import ShardTree
from notifier.errors import LeaseLost
from notifier.health import BEAT_SECONDS, STALE_SECONDS, Heartbeat
from notifier.outbox import Partitions
from notifier.telemetry import trace

log = structlog.get_logger(__name__)

ACQUIRE_SECONDS = 2.0
BRAKE_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 3600.0
POLLERS = 8
"""Threads that poll shards, whichever is due. Most of their time is DynamoDB's: a hundred shards need so many."""
LOOPS = 13
"""Connections of the loops: one each, and one more for the lock of the sweep."""
PAGES_AHEAD = 6
"""Pages fetched and not yet recorded, over all shards."""
_SWEEP_SECONDS = 1_800.0
"""A sweep that takes longer hangs: it lists many streams, and waits for each of them where AWS does not answer."""
_OVERDUE_SECONDS = 1.0


class Bridge:
    """Reads until `stop`. `chores` are what else is to be done again and again: the relay, deadlines, the lag."""

    def __init__(
        self,
        streams: Streams,
        tree: ShardTree,
        holdings: Holdings,
        intake: Intake,
        sweep: Sweep,
        brake: Brake,
        chores: Sequence[Loop],
        partitions: Partitions,
        heartbeat: Heartbeat,
        trouble: Callable[[], str] = str,
    ) -> None:
        """`trouble` says in one line what else `notifier health` should tell, empty where all is well."""
        self._streams = streams
        self._tree = tree
        self._holdings = holdings
        self._intake = intake
        self._sweep = sweep
        self._partitions = partitions
        self._heartbeat = heartbeat
        self._trouble = trouble
        self._stopping = threading.Event()
        self._ready: queue.SimpleQueue[tuple[float, ShardReader] | None] = queue.SimpleQueue()
        self._pollers = ThreadPoolExecutor(POLLERS, thread_name_prefix="poll")
        self._ahead = ReadAhead(PAGES_AHEAD)
        self._sweeping = Loop("sweep", SWEEP_SECONDS, self._find_shards, hung_seconds=_SWEEP_SECONDS)
        self._taking = Loop("take shards", ACQUIRE_SECONDS, self._take_shards)
        self._renewing = Loop("renew", holdings.renew_seconds, holdings.renew, hung_seconds=STALE_SECONDS)
        self._loops = (
            self._sweeping,
            self._taking,
            self._renewing,
            Loop("brake", BRAKE_SECONDS, brake.measure),
            Loop("housekeeping", HOUSEKEEPING_SECONDS, self._keep_house),
            *chores,
        )

    def run(self) -> None:
        """Read until `stop` is called; then give the shards back."""
        self._heartbeat.beat()
        for loop in self._loops:
            loop.start()
        try:
            self._poll_until_stopped()
        finally:
            for loop in self._loops:
                loop.tell_to_stop()
            for loop in self._loops:
                loop.join()
            self._pollers.shutdown(wait=True, cancel_futures=True)
            self._ahead.close()
            log.info("bridge stopped", released=self._holdings.release_all())

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._stopping.set()
        self._ready.put(None)

    def _keep_house(self) -> None:
        self._partitions.ensure_around(datetime.now(UTC).date())

    def _find_shards(self) -> NextIn:
        again = self._sweep.run_once()
        self._taking.wake()
        return again

    def _take_shards(self) -> None:
        if self._stopping.is_set():
            return
        for lease in self._holdings.take():
            log.info("reading shard", shard=lease.shard_id, table=lease.table, after=lease.checkpoint or "the start")
            reader = ShardReader(lease, self._streams, self._intake, self._tree, self._ahead)
            self._holdings.add(reader)
            self._ready.put((0.0, reader))

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
            self._heartbeat.beat(self._health())
            while due and due[0][0] <= time.monotonic() and not self._stopping.is_set():
                self._pollers.submit(self._poll, heapq.heappop(due)[2])

    def _health(self) -> str:
        """What keeps this bridge from its work, in one line."""
        found = (self._renewing.recording.trouble(), *(each.trouble() for each in self._loops), self._trouble())
        return "; ".join(filter(None, found))

    def _poll(self, reader: ShardReader) -> None:
        if not self._holdings.has(reader):
            reader.close()
            return
        if self._holdings.overdue():
            self._ready.put((_OVERDUE_SECONDS, reader))
            return
        shard = reader.lease.shard_id
        try:
            wait = reader.poll()
        except LeaseLost as error:
            log.info("shard given up", shard=shard, reason=str(error))
            self._give_up(reader, error)
        except Exception as error:  # noqa: BLE001
            # The answer to a commit may be lost: only the database knows the checkpoint, so start again from there.
            # What the error says stays out of the log: Postgres may quote a record.
            facts = {"shard": shard, "error": type(error).__name__, "trace": trace(error)}
            log.error("shard given up, will be taken again", **facts)  # noqa: TRY400
            self._give_up(reader, error)
        else:
            if wait is None:
                self._ended(reader)
            else:
                self._ready.put((wait, reader))

    def _give_up(self, reader: ShardReader, error: Exception) -> None:
        SHARDS_GIVEN_UP.labels("lease lost" if isinstance(error, LeaseLost) else "error").inc()
        self._holdings.drop(reader)
        reader.close()

    def _ended(self, reader: ShardReader) -> None:
        self._holdings.forget(reader)
        self._taking.wake()  # for the children that are known
        self._sweeping.wake()  # for those that are not yet


def _until(moment: float) -> float:
    return min(max(0.0, moment - time.monotonic()), BEAT_SECONDS)
