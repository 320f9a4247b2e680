"""The bridge: reads the shards that it holds, and keeps the house in order around that.

Any number of bridges may run. Threads are few and belong to no shard: whichever shard is due is polled by
whichever thread is free.
"""

import heapq
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog

from bridge.intake import Intake
from bridge.leases import Leases
from bridge.loops import Loop
from bridge.reader import ShardReader
from bridge.relay import Relay
from bridge.streams import ShardGone, Streams
from notifier.database import DatabaseError
from notifier.errors import LeaseLost
from notifier.health import BEAT_SECONDS, Heartbeat
from notifier.outbox import Partitions, ShardLease

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 10.0
ACQUIRE_SECONDS = 2.0
RELAY_SECONDS = 0.5
HOUSEKEEPING_SECONDS = 3600.0
_SHARDS_AT_ONCE = 100
_OVERDUE_SECONDS = 1.0
_MARGIN = 3.0  # stop polling this long before the lease ends


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
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[int, ShardLease] = {}
        self._renewed_at = time.monotonic()
        self._ready: queue.SimpleQueue[tuple[float, ShardReader] | None] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="poll")
        self._sweep = Loop("sweep", SWEEP_SECONDS, self.sweep)
        self._loops = (
            self._sweep,
            Loop("renew", leases.ttl / 4, self._renew),
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
            with self._lock:
                held = list(self._held.values())
            self._leases.release(held)
            log.info("bridge stopped", released=len(held))

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._stopping.set()
        self._ready.put(None)

    def sweep(self) -> None:
        """List all shards of all tables; one bridge at a time."""
        with self._leases.sweeping() as ours:
            if not ours:
                return
            new = 0
            for table in self._tables:
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

    def _renew(self) -> None:
        with self._lock:
            held = dict(self._held)
        asked_at = time.monotonic()
        still = self._leases.renew(list(held.values()))
        with self._lock:
            self._renewed_at = asked_at
            for shard in held.keys() - still:
                if self._held.get(shard) is held[shard]:
                    del self._held[shard]
                    log.warning("lost a shard", shard=held[shard].shard_id)

    def _acquire(self) -> None:
        if self._stopping.is_set():
            return
        with self._lock:
            if not self._held:
                self._renewed_at = time.monotonic()
            room = _SHARDS_AT_ONCE - len(self._held)
            taken = self._leases.acquire(room) if room > 0 else []
            self._held.update((lease.shard, lease) for lease in taken)
        for lease in taken:
            log.info("reading shard", shard=lease.shard_id, table=lease.table, after=lease.checkpoint or "the start")
            self._ready.put((0.0, ShardReader(lease, self._streams, self._intake, self._leases)))

    def _poll_until_stopped(self) -> None:
        due: list[tuple[float, int, ShardReader]] = []
        number = 0
        while not self._stopping.is_set():
            try:
                item = self._ready.get(timeout=_until(due[0][0]) if due else BEAT_SECONDS)
            except queue.Empty:
                item = None
            if item is not None:
                wait, reader = item
                heapq.heappush(due, (time.monotonic() + wait, number, reader))
                number += 1
            self._heartbeat.beat()
            while due and due[0][0] <= time.monotonic() and not self._stopping.is_set():
                self._start_poll(heapq.heappop(due)[2])

    def _start_poll(self, reader: ShardReader) -> None:
        self._pool.submit(self._poll, reader)

    def _poll(self, reader: ShardReader) -> None:
        lease = reader.lease
        if self._held.get(lease.shard) is not lease:
            return
        if time.monotonic() > self._renewed_at + self._leases.ttl - _MARGIN:
            self._ready.put((_OVERDUE_SECONDS, reader))  # not renewed in time: read nothing that we may not record
            return
        try:
            wait = reader.poll()
        except LeaseLost as error:
            log.warning("shard given up", shard=lease.shard_id, reason=str(error))
            self._drop(lease)
        except Exception:
            # The answer to a commit may be lost: only the database knows the checkpoint, so start again from there.
            log.exception("shard given up, will be taken again", shard=lease.shard_id)
            self._drop(lease)
        else:
            if wait is None:
                self._forget(lease)
                self._sweep.wake()  # its children, if they can be seen yet
            else:
                self._ready.put((wait, reader))

    def _drop(self, lease: ShardLease) -> None:
        self._forget(lease)
        try:
            self._leases.release([lease])  # changes nothing where it is somebody else's
        except DatabaseError:
            log.warning("could not give the shard back; its lease will end", shard=lease.shard_id)

    def _forget(self, lease: ShardLease) -> None:
        with self._lock:
            if self._held.get(lease.shard) is lease:
                del self._held[lease.shard]


def _until(moment: float) -> float:
    return min(max(0.0, moment - time.monotonic()), BEAT_SECONDS)
