"""Bounds the deliveries that wait in the outbox, per channel. What does not fit stays in the stream, for 24 hours.

A shard is read in order, so that a record which adds to a full channel holds up those behind it in its shard, also
where they are for other channels. Shards without such records go on.
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

SLOW_SECONDS = 2.0
"""The pause of a shard that waits for room."""
_REOPEN_AT = 0.9
"""Reading goes on below this part of the mark: a page is not fetched for a few records of room."""
_TELL_SECONDS, _REMIND_SECONDS = 60.0, 600.0
"""A channel that is full now and then is logged once a minute, one that stays full every ten minutes."""


class ChannelFull(NotifierError):
    """The rest of a page adds to a channel that holds enough. What came before is recorded, up to `checkpoint`."""

    def __init__(self, channel: str, checkpoint: str | None) -> None:
        super().__init__(f"the channel {channel} holds as many deliveries as NOTIFIER_OUTBOX_HIGH_WATER allows")
        self.channel = channel
        self.checkpoint = checkpoint


class Brake:
    """Grants room below `high_water`. Every bridge measures what waits each second, and grants its share of the rest:
    what it has granted since is taken off. `bridges` returns how many bridges read shards.
    """

    def __init__(self, publications: Publications, high_water: int, bridges: Callable[[], int] = lambda: 1) -> None:
        self._publications = publications
        self._high_water = high_water
        self._bridges = bridges
        self._lock = threading.Lock()
        self._shares = 1
        self._waiting: Mapping[str, int] = {}
        self._others = 0  # waits on each other channel, at most
        self._recorded: Counter[str] = Counter()  # since the last measurement that succeeded began
        self._reserved: Counter[str] = Counter()
        self._full: dict[str, float] = {}  # channel -> monotonic time since when, or of the last reminder
        self._told: dict[str, float] = {}  # channel -> monotonic time of the last warning

    @property
    def seconds(self) -> float:
        """The pause of shards that wait for room: 0 while no channel is full."""
        return SLOW_SECONDS if self._full else 0.0

    def has_room(self, channel: str) -> bool:
        return channel not in self._full

    def measure(self) -> None:
        """Ask the database what waits. Raises DatabaseError, and what was known stays."""
        with self._lock:
            seen = Counter(self._recorded)  # at least: what is recorded from now on may be counted twice
        bridges, total = self._bridges(), self._publications.backlog()
        waiting = self._ask() if total > self._high_water // 2 else {}
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

    def _ask(self) -> Mapping[str, int]:
        return {channel: each.at_most for channel, each in self._publications.waiting().items()}

    def reserve(self, wanted: Mapping[str, int], part: float = 1.0) -> Counter[str]:
        """Room for so many deliveries of each channel, or for as many as there is; `release` it in any case.

        With a `part` below 1 there is room up to that part of the mark only, and no channel is closed for it.
        """
        with self._lock:
            granted = Counter({channel: min(count, self._room(channel, part)) for channel, count in wanted.items()})
            self._reserved.update(granted)
        for channel, count in wanted.items():
            if granted[channel] < count and part >= 1.0:
                self._close(channel)
        return granted

    def release(self, granted: Mapping[str, int], recorded: Mapping[str, int]) -> None:
        """The room is no longer reserved; `recorded` of it is used."""
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
            told, self._told[channel] = self._told.get(channel, -_TELL_SECONDS), now
        OUTBOX_FULL.labels(channel).set(1)
        if now - told >= _TELL_SECONDS:
            log.warning(
                "the outbox holds enough of a channel: shards with records for it are not read on",
                channel=channel,
                waiting=self._waiting.get(channel, 0),
            )

    def _open(self, channel: str) -> None:
        with self._lock:
            since = self._full.pop(channel)
        OUTBOX_FULL.labels(channel).set(0)
        if time.monotonic() - since >= _TELL_SECONDS:
            log.warning("the outbox has room again: all shards are read", channel=channel)

    def _remind(self) -> None:
        now = time.monotonic()
        for channel, told_at in list(self._full.items()):
            if now - told_at > _REMIND_SECONDS:
                self._full[channel] = now
                log.error(
                    "ALARM: shards are still not read on, and DynamoDB keeps their records for 24 hours: resume the "
                    "channel, add workers, or raise NOTIFIER_OUTBOX_HIGH_WATER",
                    channel=channel,
                    waiting=self._waiting.get(channel, 0),
                )
