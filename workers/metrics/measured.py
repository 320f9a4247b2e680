"""A deliverer, its attempts and its channel that measure what they do, for a whole unit at a time.

A worker without NOTIFIER_METRICS_PORT uses the classes that these derive from, so measuring costs it nothing.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from time import monotonic
from typing import Any
from uuid import UUID

from celery_units.unfinished import Unfinished
from notifier.messages import Message
from notifier.outbox import Attempts, BeginResult, Change, DueNotification, Recipient
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from workers.building.preparer import Prepared
from workers.building.set_aside import UnitAside
from workers.collaborators import Collaborators
from workers.deliverer import Deliverer
from workers.metrics.counters import MESSAGES, NOT_PENDING, OUTCOMES, STEP_SECONDS, UNIT_SIZE
from workers.sending_channel import SendingChannel

_PARKED = "parked"
_WORDS: dict[type, str] = {
    Accepted: "accepted",
    NotSent: "not_sent",
    Throttled: "throttled",
    Blocked: "blocked",
    Offline: "offline",
    Late: "late",
    Rejected: "rejected",
    Unknown: "unknown",
}


class MeasuredAttempts(Attempts):
    """Measures how long its statements take."""

    def __init__(self, *arguments: Any, channel: str, **options: Any) -> None:
        super().__init__(*arguments, channel=channel, **options)
        self._steps = {step: STEP_SECONDS.labels(channel, step) for step in ("load", "begin", "decide", "finish")}

    def load(self, ids: Sequence[UUID], *, probing: bool = False) -> list[DueNotification]:
        with self._steps["load"].time():
            return super().load(ids, probing=probing)

    def begin(
        self, token: UUID, recipients: Sequence[Recipient], lease_seconds: float, **options: Any
    ) -> BeginResult:
        with self._steps["begin"].time():
            return super().begin(token, recipients, lease_seconds, **options)

    def decide(self, changes: Sequence[Change], **options: Any) -> set[UUID]:
        if not changes:
            return set()
        with self._steps["decide"].time():
            return super().decide(changes, **options)

    def finish(self, token: UUID, changes: Sequence[Change]) -> set[UUID]:
        with self._steps["finish"].time():
            return super().finish(token, changes)


class MeasuredChannel:
    """A channel with its time for requests, and their outcomes."""

    def __init__(self, name: str, channel: SendingChannel) -> None:
        self._channel = channel
        self.one_provider, self.address = channel.one_provider, channel.address
        self._seconds = STEP_SECONDS.labels(name, "send")
        self._outcomes = {kind: OUTCOMES.labels(name, word) for kind, word in _WORDS.items()}
        self._parked = OUTCOMES.labels(name, _PARKED)

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        try:
            with self._seconds.time():
                outcomes = self._channel.send(messages)
        except BaseException:
            self._outcomes[Unknown].inc(len(messages))
            raise
        kinds = Counter(map(type, outcomes))
        if kinds[Blocked] and (parked := _parked(outcomes)):
            self._parked.inc(parked)
            kinds[Blocked] -= parked
        for kind, number in kinds.items():
            if counter := self._outcomes.get(kind):
                counter.inc(number)
        return outcomes


def _parked(outcomes: Sequence[Outcome]) -> int:
    """Return how many were refused with their part of the account alone, as its tenant."""
    return sum(isinstance(each, Blocked) and bool(each.within) for each in outcomes)


class MeasuredDeliverer(Deliverer):
    """Measures units and builds. A message that waits for its slow build counts once, when it is done."""

    def __init__(self, collaborators: Collaborators) -> None:
        super().__init__(collaborators)
        self.measure(collaborators.attempts.channel)

    def measure(self, channel: str) -> None:
        """Measure by the name of this channel."""
        self._size = UNIT_SIZE.labels(channel)
        self._first, self._again = MESSAGES.labels(channel, "first"), MESSAGES.labels(channel, "again")
        self._not_pending = NOT_PENDING.labels(channel)
        self._build = STEP_SECONDS.labels(channel, "build")

    def deliver(self, ids: Sequence[UUID], *, suspects: bool = False) -> dict[UUID, Change | Unfinished]:
        self._size.observe(len(ids))
        done = super().deliver(ids, suspects=suspects)
        comes_again = sum([type(each) is Unfinished for each in done.values()])
        (self._again if suspects else self._first).inc(len(ids) - comes_again)
        if left := len(ids) - len(done):
            self._not_pending.inc(left)
        return done

    def _batches(
        self, due: Sequence[DueNotification], aside: UnitAside[Prepared | Change] | None, *, suspects: bool
    ) -> Generator[list[Prepared | Change], None, None]:
        with closing(super()._batches(due, aside, suspects=suspects)) as batches:
            while True:
                began = monotonic()
                batch = next(batches, None)
                if batch is None:
                    return
                self._build.observe(monotonic() - began)
                yield batch
