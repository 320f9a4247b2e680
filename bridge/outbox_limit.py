"""Bounds the deliveries that wait in the outbox, per queue. Further records stay in the stream for 24 hours.

A shard is read in order: after a record for a full queue no later record of its shard is read, even if that is for
another queue. Shards without records for a full queue are read on.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from bridge.counters import OUTBOX_FULL
from notifier.errors import NotifierError
from notifier.outbox import Publications

log = structlog.get_logger(__name__)

FULL_SECONDS = 2.0
"""The pause of a shard whose next record is for a full queue."""
_REOPEN_AT = 0.9
"""A full queue takes deliveries again below this part of the mark: a page is not fetched for a few records."""
_WARN_SECONDS, _REMIND_SECONDS = 60.0, 600.0
"""A queue that is full now and then is logged once a minute, one that stays full every ten minutes."""


class QueueFull(NotifierError):
    """A page has more deliveries of a queue than there is room for. What came before is recorded, up to
    `checkpoint`.
    """

    def __init__(self, queue: str, checkpoint: str | None) -> None:
        super().__init__(f"the queue {queue} holds as many deliveries as NOTIFIER_OUTBOX_HIGH_WATER allows")
        self.queue = queue
        self.checkpoint = checkpoint


class OutboxLimit:
    """Grants room for deliveries below `high_water` per queue. Thread-safe.

    Every bridge measures each second how many deliveries wait, and grants its share of the remaining room, less what
    it has granted since. `bridges` returns how many bridges read shards.

        granted = limit.reserve({"email": 40})
        try:
            recorded = ...  # at most `granted`
        finally:
            limit.release(granted, recorded)
    """

    def __init__(self, publications: Publications, high_water: int, bridges: Callable[[], int] = lambda: 1) -> None:
        self._publications = publications
        self._high_water = high_water
        self._bridges = bridges
        self._lock = threading.Lock()
        self._shares = 1
        self._waiting: Mapping[str, int] = {}
        self._others = 0  # an upper bound for each queue that is not in `_waiting`
        self._recorded: Counter[str] = Counter()  # since the last measurement that succeeded began
        self._reserved: Counter[str] = Counter()
        self._full: dict[str, float] = {}  # queue -> monotonic time since when, or of the last reminder
        self._warned: dict[str, float] = {}  # queue -> monotonic time of the last warning

    def has_room(self, queue: str) -> bool:
        return queue not in self._full

    def measure(self) -> None:
        """Ask the database how many deliveries wait. Raise DatabaseError; then the last numbers stay in use."""
        with self._lock:
            seen = Counter(self._recorded)  # what is recorded from now on may be measured too: it is counted twice
        bridges, total = self._bridges(), self._publications.message_count()
        waiting = self._waiting_by_queue() if total > self._high_water // 2 else {}
        with self._lock:
            self._shares = max(1, bridges)
            self._waiting, self._others = waiting, 0 if waiting else total
            self._recorded -= seen
            full = {queue for queue, count in waiting.items() if count >= self._high_water}
            opened = [each for each in self._full if waiting.get(each, 0) <= self._high_water * _REOPEN_AT]
        for queue in full:
            self._close(queue)
        for queue in opened:
            self._open(queue)
        self._remind()

    def _waiting_by_queue(self) -> Mapping[str, int]:
        return {queue: each.at_most for queue, each in self._publications.backlog().items()}

    def reserve(self, wanted: Mapping[str, int], part: float = 1.0) -> Counter[str]:
        """Reserve room for so many deliveries of each queue; return how many got it. `release` must follow.

        With a `part` below 1 there is room up to that part of the mark only, and no queue counts as full for it.
        """
        with self._lock:
            granted = Counter({queue: min(count, self._room(queue, part)) for queue, count in wanted.items()})
            self._reserved.update(granted)
        for queue, count in wanted.items():
            if granted[queue] < count and part >= 1.0:
                self._close(queue)
        return granted

    def release(self, granted: Mapping[str, int], recorded: Mapping[str, int]) -> None:
        """End a reservation; `recorded` of it was used."""
        with self._lock:
            self._reserved.subtract(granted)
            self._recorded.update(recorded)

    def _room(self, queue: str, part: float) -> int:
        if queue in self._full:
            return 0
        share = math.ceil((self._high_water * part - self._waiting.get(queue, self._others)) / self._shares)
        return max(0, share - self._recorded[queue] - self._reserved[queue])

    def _close(self, queue: str) -> None:
        now = time.monotonic()
        with self._lock:
            if queue in self._full:
                return
            self._full[queue] = now
            warned, self._warned[queue] = self._warned.get(queue, -_WARN_SECONDS), now
        OUTBOX_FULL.labels(queue).set(1)
        if now - warned >= _WARN_SECONDS:
            log.warning(
                "as many deliveries of a queue wait as NOTIFIER_OUTBOX_HIGH_WATER allows: shards with records for "
                "it are not read on",
                queue=queue,
                waiting=self._waiting.get(queue, 0),
            )

    def _open(self, queue: str) -> None:
        with self._lock:
            since = self._full.pop(queue)
        OUTBOX_FULL.labels(queue).set(0)
        if time.monotonic() - since >= _WARN_SECONDS:
            log.warning("the outbox has room for a queue again: its shards are read on", queue=queue)

    def _remind(self) -> None:
        now = time.monotonic()
        for queue, since in list(self._full.items()):
            if now - since > _REMIND_SECONDS:
                self._full[queue] = now
                log.error(
                    "ALARM: shards are still not read on, and DynamoDB keeps their records for 24 hours: resume the "
                    "channel, add workers, or raise NOTIFIER_OUTBOX_HIGH_WATER",
                    queue=queue,
                    waiting=self._waiting.get(queue, 0),
                )
