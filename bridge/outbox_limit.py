"""Bounds the deliveries that wait in the outbox, per channel. The rest stays in the stream, which keeps it 24 hours.

A shard is read in order: after a record for a full channel no later record of its shard is read, even if that is for
another channel. Shards without records for a full channel are read on.
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
"""The pause of a shard whose next record is for a full channel."""
_REOPEN_AT = 0.9
"""A full channel takes deliveries again below this part of the mark: a page is not fetched for a few records."""
_WARN_SECONDS, _REMIND_SECONDS = 60.0, 600.0
"""A channel that is full now and then is logged once a minute, one that stays full every ten minutes."""


class ChannelFull(NotifierError):
    """A page has more deliveries of a channel than there is room for. What came before is recorded, up to
    `checkpoint`.
    """

    def __init__(self, channel: str, checkpoint: str | None) -> None:
        super().__init__(f"the channel {channel} holds as many deliveries as NOTIFIER_OUTBOX_HIGH_WATER allows")
        self.channel = channel
        self.checkpoint = checkpoint


class OutboxLimit:
    """Grants room for deliveries below `high_water` per channel. Thread-safe.

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
        self._others = 0  # an upper bound for each channel that is not in `_waiting`
        self._recorded: Counter[str] = Counter()  # since the last measurement that succeeded began
        self._reserved: Counter[str] = Counter()
        self._full: dict[str, float] = {}  # channel -> monotonic time since when, or of the last reminder
        self._warned: dict[str, float] = {}  # channel -> monotonic time of the last warning

    def has_room(self, channel: str) -> bool:
        return channel not in self._full

    def measure(self) -> None:
        """Ask the database how many deliveries wait. Raise DatabaseError; then the last numbers stay in use."""
        with self._lock:
            seen = Counter(self._recorded)  # what is recorded from now on may be measured too: it is counted twice
        bridges, total = self._bridges(), self._publications.backlog()
        waiting = self._waiting_by_channel() if total > self._high_water // 2 else {}
        with self._lock:
            self._shares = max(1, bridges)
            self._waiting, self._others = waiting, 0 if waiting else total
            self._recorded -= seen
            full = {channel for channel, count in waiting.items() if count >= self._high_water}
            opened = [each for each in self._full if waiting.get(each, 0) <= self._high_water * _REOPEN_AT]
        for channel in full:
            self._close(channel)
        for channel in opened:
            self._open(channel)
        self._remind()

    def _waiting_by_channel(self) -> Mapping[str, int]:
        return {channel: each.at_most for channel, each in self._publications.waiting().items()}

    def reserve(self, wanted: Mapping[str, int], part: float = 1.0) -> Counter[str]:
        """Reserve room for so many deliveries of each channel; return how many got it. `release` must follow.

        With a `part` below 1 there is room up to that part of the mark only, and no channel counts as full for it.
        """
        with self._lock:
            granted = Counter({channel: min(count, self._room(channel, part)) for channel, count in wanted.items()})
            self._reserved.update(granted)
        for channel, count in wanted.items():
            if granted[channel] < count and part >= 1.0:
                self._close(channel)
        return granted

    def release(self, granted: Mapping[str, int], recorded: Mapping[str, int]) -> None:
        """End a reservation; `recorded` of it was used."""
        with self._lock:
            self._reserved.subtract(granted)
            self._recorded.update(recorded)

    def _room(self, channel: str, part: float) -> int:
        if channel in self._full:
            return 0
        share = math.ceil((self._high_water * part - self._waiting.get(channel, self._others)) / self._shares)
        return max(0, share - self._recorded[channel] - self._reserved[channel])

    def _close(self, channel: str) -> None:
        now = time.monotonic()
        with self._lock:
            if channel in self._full:
                return
            self._full[channel] = now
            warned, self._warned[channel] = self._warned.get(channel, -_WARN_SECONDS), now
        OUTBOX_FULL.labels(channel).set(1)
        if now - warned >= _WARN_SECONDS:
            log.warning(
                "as many deliveries of a channel wait as NOTIFIER_OUTBOX_HIGH_WATER allows: shards with records for "
                "it are not read on",
                channel=channel,
                waiting=self._waiting.get(channel, 0),
            )

    def _open(self, channel: str) -> None:
        with self._lock:
            since = self._full.pop(channel)
        OUTBOX_FULL.labels(channel).set(0)
        if time.monotonic() - since >= _WARN_SECONDS:
            log.warning("the outbox has room for a channel again: its shards are read on", channel=channel)

    def _remind(self) -> None:
        now = time.monotonic()
        for channel, since in list(self._full.items()):
            if now - since > _REMIND_SECONDS:
                self._full[channel] = now
                log.error(
                    "ALARM: shards are still not read on, and DynamoDB keeps their records for 24 hours: resume the "
                    "channel, add workers, or raise NOTIFIER_OUTBOX_HIGH_WATER",
                    channel=channel,
                    waiting=self._waiting.get(channel, 0),
                )
