"""The bridge: reads the shards that it holds, and runs the periodic jobs beside that.

Any number of bridges may run. No thread belongs to a shard: a pool of a few threads polls whichever shard is due.
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

from bridge.counters import SHARDS_GIVEN_UP
from bridge.outbox_limit import OutboxLimit
from bridge.stream.client import StreamsClient
from bridge.stream.discovery import DISCOVERY_SECONDS, ShardDiscovery
from bridge.stream.held_shards import HeldShards
from bridge.stream.intake import MARK_SECONDS, Intake
from bridge.stream.prefetch import Prefetcher
from bridge.stream.reader import SOME_RECORDS_SECONDS, ShardReader
from bridge.stream.tree import ShardTree
from bridge.turns import until_turn
from notifier.database.errors import DatabaseError, cause, is_away
from notifier.errors import LeaseLost
from notifier.health.beats import STALE_SECONDS
from notifier.health.heartbeat import BEAT_SECONDS, Heartbeat
from notifier.outbox import Partitions
from notifier.process.loops import Loop, NextIn, in_one_line
from notifier.telemetry import trace

log = structlog.get_logger(__name__)

ACQUIRE_SECONDS = 2.0
OUTBOX_LIMIT_SECONDS = 1.0
PARTITIONS_SECONDS = 3600.0
POLLERS = 8
"""Threads that poll shards. They mostly wait for DynamoDB, so eight are enough for a hundred shards."""
LOOPS = 14
"""Database connections of the loops: one each, and one more for the lock of the shard discovery."""
PAGES_AHEAD = 6
"""Pages fetched and not yet recorded, over all shards."""
_BEAT_PAUSE_SECONDS = 1.0
_DISCOVERY_HUNG_SECONDS = 1_800.0
"""A discovery that takes longer counts as hung. It lists many streams, and waits for each if AWS does not answer."""
_OVERDUE_SECONDS = 1.0
"""How long a shard waits whose lease was not renewed in time."""


class Bridge:
    """Reads shards until `stop`. `loops` run beside that: the relay, deadlines, the watches."""

    def __init__(
        self,
        streams: StreamsClient,
        tree: ShardTree,
        held: HeldShards,
        intake: Intake,
        discovery: ShardDiscovery,
        limit: OutboxLimit,
        loops: Sequence[Loop],
        partitions: Partitions,
        heartbeat: Heartbeat,
        trouble: Callable[[], str] = lambda: "",
    ) -> None:
        """`trouble` returns one more line for `notifier health`, empty if all is well."""
        self._streams = streams
        self._tree = tree
        self._held = held
        self._intake = intake
        self._discovery = discovery
        self._partitions = partitions
        self._heartbeat = heartbeat
        self._trouble = trouble
        self._stopping = threading.Event()
        self._ready: queue.SimpleQueue[tuple[float, ShardReader] | None] = queue.SimpleQueue()
        self._pollers = ThreadPoolExecutor(POLLERS, thread_name_prefix="poll")
        self._prefetcher = Prefetcher(PAGES_AHEAD)
        self._finding = Loop(
            "find shards", DISCOVERY_SECONDS, self._find_shards, hung_seconds=_DISCOVERY_HUNG_SECONDS
        )
        self._taking = Loop("take shards", ACQUIRE_SECONDS, self._take_shards)
        self._renewing = Loop("renew", held.renew_seconds, held.renew, hung_seconds=STALE_SECONDS)
        self._marking = Loop("marks", MARK_SECONDS, intake.mark_published)
        self._loops = (
            self._finding,
            self._taking,
            self._renewing,
            self._marking,
            Loop("outbox limit", OUTBOX_LIMIT_SECONDS, limit.measure),
            Loop("partitions", PARTITIONS_SECONDS, self._ensure_partitions),
            *loops,
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
                loop.request_stop()
            self._taking.join()
            self._pollers.shutdown(wait=True, cancel_futures=True)
            # Before the loops end: their rounds may take long, records wait, and relays publish what has no mark.
            released = self._held.release_all()
            self._marking.join()
            self._mark_published()
            for loop in self._loops:
                loop.join()
            self._prefetcher.close()
            log.info("bridge stopped", released=released)

    def stop(self) -> None:
        """End `run`. May be called from another thread, not from a signal handler: see `stop_on_signals`."""
        self._stopping.set()
        self._ready.put(None)

    def _ensure_partitions(self) -> None:
        self._partitions.ensure_around(datetime.now(UTC).date())

    def _mark_published(self) -> None:
        try:
            self._intake.mark_published()
        except DatabaseError as error:
            log.warning("could not mark what was published; the relay publishes it again", reason=cause(error))

    def _find_shards(self) -> NextIn:
        due = self._discovery.run_once()
        self._taking.wake()
        return due

    def _take_shards(self) -> None:
        if self._stopping.is_set():
            return
        for lease in self._held.take():
            log.info("reading shard", shard=lease.shard_id, table=lease.table, after=lease.checkpoint or "the start")
            reader = ShardReader(lease, self._streams, self._intake, self._tree, self._prefetcher)
            self._held.add(reader)
            self._ready.put((0.0, reader))

    def _poll_until_stopped(self) -> None:
        due: list[tuple[float, int, ShardReader]] = []
        number = itertools.count()  # breaks ties: readers have no order
        beat_at = 0.0
        while not self._stopping.is_set():
            try:
                item = self._ready.get(timeout=_until(due[0][0]) if due else BEAT_SECONDS)
            except queue.Empty:
                item = None
            if item is not None:
                wait, reader = item
                heapq.heappush(due, (time.monotonic() + wait, next(number), reader))
            if time.monotonic() >= beat_at:  # not after each page: it writes a file, and asks each loop
                self._heartbeat.beat(self._health())
                beat_at = time.monotonic() + _BEAT_PAUSE_SECONDS
            while due and due[0][0] <= time.monotonic() and not self._stopping.is_set():
                self._pollers.submit(self._poll, heapq.heappop(due)[2])

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def loops_trouble(self) -> str:
        """Return in one line which of its threads has ended or hangs, empty if none does."""
        return in_one_line(*(each.trouble() for each in self._loops))

    def work_trouble(self) -> str:
        """Return in one line what keeps it from reading or recording, empty if nothing does."""
        return in_one_line(self._renewing.recording.trouble(), self._trouble())

    def _health(self) -> str:
        return in_one_line(self.loops_trouble(), self.work_trouble())

    def _poll(self, reader: ShardReader) -> None:
        if not self._held.has(reader):
            reader.close()
            return
        if self._held.overdue():
            self._ready.put((_OVERDUE_SECONDS, reader))
            return
        shard = reader.lease.shard_id
        try:
            wait = reader.poll()
        except LeaseLost as error:
            log.info("shard given up", shard=shard, reason=str(error))
            self._give_up(reader, error)
        except Exception as error:  # noqa: BLE001
            # The answer to a commit may be lost: the checkpoint is then in the database only, so a new reader
            # starts there.
            _log_failure(shard, error)
            self._give_up(reader, error)
        else:
            if wait is None:
                self._ended(reader)
            elif wait == SOME_RECORDS_SECONDS:
                self._ready.put((until_turn(reader.lease.shard, time.monotonic(), wait), reader))
            else:
                self._ready.put((wait, reader))

    def _give_up(self, reader: ShardReader, error: Exception) -> None:
        SHARDS_GIVEN_UP.labels("lease lost" if isinstance(error, LeaseLost) else "error").inc()
        self._held.drop(reader)
        reader.close()

    def _ended(self, reader: ShardReader) -> None:
        self._held.forget(reader)
        self._taking.wake()  # the known children can be read now
        self._finding.wake()  # find the children that are not known yet


def _log_failure(shard: str, error: Exception) -> None:
    """Log why a shard is given up. Not the error's own text: Postgres may quote a record in it."""
    if isinstance(error, DatabaseError) and is_away(error):
        log.warning("shard given up, will be taken again", shard=shard, reason=cause(error))
    else:
        facts = {"shard": shard, "error": type(error).__name__, "trace": trace(error)}
        log.error("shard given up, will be taken again", **facts)


def _until(moment: float) -> float:
    return min(max(0.0, moment - time.monotonic()), BEAT_SECONDS)
