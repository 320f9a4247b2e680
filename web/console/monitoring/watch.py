"""What the console reads in the background: the throughput per minute, and the audit that nothing is lost.

The sums of each minute are stored, so that the charts begin before the console was started. The proof counts rows,
which takes long where much was recorded: it is made in a thread of its own, and rests a hundred times as long as it
took, so that it takes no more than a hundredth of one of Postgres' cores.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from notifier.database.engine import Engine
from notifier.database.errors import DatabaseError, cause
from notifier.outbox import (
    Gauges,
    Report,
    Throughput,
    keep_throughput,
    kept_throughput,
    read_gauges,
    read_throughput,
)
from notifier.outbox.operator.totals import balances
from web.console.monitoring.cached import Cached

log = structlog.get_logger(__name__)

SAMPLE_SECONDS = 5.0
GAUGES_SECONDS = 1.0
DAY_MINUTES = 24 * 60
_LEAST_REST_SECONDS = 10.0
_REST_FACTOR = 100


@dataclass(frozen=True, slots=True)
class Proof:
    """The equation of each shard, at a time of this machine's clock. `error` says why it could not be made."""

    shards: list[dict[str, Any]] = field(default_factory=list)
    stranded: int = 0
    at: float = 0.0
    took: float = 0.0
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether every record that was read is accounted for, and every open delivery will be acted on."""
        return not self.error and not self.stranded and all(shard["balanced"] for shard in self.shards)

    @property
    def age(self) -> float:
        """Seconds since it was made."""
        return time.time() - self.at


class Minutes:
    """What was added in each of the last 1,440 minutes. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Throughput | None = None
        self._at = 0
        self._minutes: OrderedDict[int, Throughput] = OrderedDict()
        self._first = 0

    def add(self, total: Throughput, now: float) -> None:
        """Take a sum that was read at `now`, in Unix seconds. The first one is only the beginning. What was added in
        minutes of which there is no sum is spread over them.
        """
        with self._lock:
            minute = int(now // 60)
            if self._last is None:
                self._first = minute
            else:
                minutes = range(min(self._at + 1, minute), minute + 1)
                for each, added in zip(minutes, total.since(self._last).spread(len(minutes)), strict=True):
                    self._minutes[each] = self._minutes.get(each, Throughput()) + added
            self._last, self._at = total, minute
            while self._minutes and next(iter(self._minutes)) <= minute - DAY_MINUTES:
                self._minutes.popitem(last=False)

    def last(self, count: int, now: float, width: int = 1) -> list[Throughput | None]:
        """Return the last `count` spans of `width` minutes, the oldest first; None before the first sample."""
        end = int(now // 60) + 1
        with self._lock:
            return [self._span(end - (count - n) * width, width) for n in range(count)]

    @property
    def since(self) -> datetime | None:
        """When the first sample was taken, to the minute; None if there is none."""
        return datetime.fromtimestamp(self._first * 60, UTC) if self._first else None

    def _span(self, first: int, width: int) -> Throughput | None:
        if not self._first or first + width <= self._first:
            return None
        found = (self._minutes.get(first + n, Throughput()) for n in range(width))
        total = Throughput()
        for each in found:
            total += each
        return total


class Watch:
    """Two threads that run from `start` to `stop`. `slow` is an engine on which a statement may take minutes.

    `gauges` are read when a page asks for them, once a second at most for all pages. Days older than `keep_days` are
    overdue.
    """

    def __init__(self, engine: Engine, slow: Engine, keep_days: int = 0) -> None:
        self._engine = engine
        self._slow = slow
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(self.sample,), name="console-samples", daemon=True),
            threading.Thread(target=self._repeat, args=(self.prove,), name="console-proof", daemon=True),
        ]
        self._minute = 0
        self.minutes = Minutes()
        self.gauges: Cached[Gauges] = Cached(lambda: read_gauges(engine, keep_days), GAUGES_SECONDS)
        self.proof: Proof | None = None

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return once both threads have ended; a proof in progress is cut off with its connection."""
        self._stop.set()
        self._threads[0].join(5)
        self._slow.dispose()

    def sample(self) -> float:
        """Read the sums, and store those of a new minute. Return the seconds until the next time."""
        if not self._minute:
            for at, total in kept_throughput(self._engine):
                self.minutes.add(total, at)
        now, total = time.time(), read_throughput(self._engine)
        self.minutes.add(total, now)
        if int(now // 60) != self._minute:
            self._minute = int(now // 60)
            keep_throughput(self._engine, total)
        return SAMPLE_SECONDS

    def prove(self) -> float:
        """Count the rows of every shard. Return the seconds until the next time."""
        began = time.monotonic()
        rows, stranded = Report(self._slow).audit()
        took = time.monotonic() - began
        shards = [{**row, "balanced": balances(row)} for row in rows]
        self.proof = Proof(shards, len(stranded), time.time(), took)
        return max(_LEAST_REST_SECONDS, took * _REST_FACTOR)

    def _repeat(self, step: Callable[[], float]) -> None:
        rest = 0.0
        while not self._stop.wait(rest):
            try:
                rest = step()
            except DatabaseError as error:
                if step == self.prove:
                    self.proof = Proof(at=time.time(), error=cause(error))
                if not self._stop.is_set():
                    log.warning("the console cannot read the database", reason=cause(error))
                rest = SAMPLE_SECONDS
