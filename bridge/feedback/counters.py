"""The metrics that each feedback process counts itself, and a settlement that counts them."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from bridge.feedback.recent import Settler
from notifier.feedback import DeadLetter, Feedback
from notifier.metrics.names import feedback as names
from notifier.outbox import Settled

RECEIVED = names.RECEIVED.counter()
SETTLED = names.SETTLED.counter()
BATCH_SIZE = names.BATCH_SIZE.histogram()
SETTLE_SECONDS = names.SETTLE_SECONDS.histogram()
DELAY = names.DELAY.histogram()
NEWEST_EVENT = names.NEWEST_EVENT.gauge()


class MeasuredSettler:
    """Counts what a settler settles. What fails is not counted: it comes again."""

    def __init__(
        self, settler: Settler, channel: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settler = settler
        self._channel = channel
        self._now = now
        self._size, self._seconds = BATCH_SIZE.labels(channel), SETTLE_SECONDS.labels(channel)
        self._delay = DELAY.labels(channel)
        self._newest: datetime | None = None

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        began = time.monotonic()
        settled = self._settler.settle(events, dead)
        self._seconds.observe(time.monotonic() - began)
        self._size.observe(len(events))
        self._count(events, settled)
        return settled

    def match_again(self) -> bool:
        return self._settler.match_again()

    def note_settled_before(self, ago: float = 0.0) -> None:
        self._settler.note_settled_before(ago)

    def _count(self, events: Sequence[Feedback], settled: Settled) -> None:
        for (channel, kind), number in Counter((each.channel, each.kind.value) for each in events).items():
            RECEIVED.labels(channel, kind).inc(number)
        for result, number in asdict(settled).items():
            SETTLED.labels(self._channel, result).inc(number)
        now = self._now()
        for each in events:
            self._delay.observe(max((now - each.occurred_at).total_seconds(), 0.0))
        if events:
            newest = max(each.occurred_at for each in events)
            self._show_newest(newest if self._newest is None else max(newest, self._newest))

    def _show_newest(self, newest: datetime) -> None:
        if self._newest is None:
            NEWEST_EVENT.labels(self._channel).set_function(self._since_newest)
        self._newest = newest

    def _since_newest(self) -> float:
        assert self._newest is not None  # noqa: S101  narrows the type
        return max((self._now() - self._newest).total_seconds(), 0.0)
