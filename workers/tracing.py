"""Attempts, preparers, isolated builds and a channel that trace what they do.

Without tracing, a worker uses the plain ones, so that it costs nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from notifier.database.engine import Engine
from notifier.messages import Message
from notifier.outbox import Attempts, Change, DueNotification
from notifier.outcomes import Outcome
from notifier.settings import Settings
from notifier.tracing.tracing import Attributes, Tracing
from workers.building.builder import Isolation, MessagePreparer
from workers.building.preparer import Prepared
from workers.metrics.measured import MeasuredAttempts
from workers.sending_channel import SendingChannel


class TracedAttempts(Attempts):
    """Remembers the origins of what is loaded."""

    def __init__(self, *arguments: Any, tracing: Tracing, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._tracing = tracing

    def load(self, ids: Sequence[UUID], *, probing: bool = False) -> list[DueNotification]:
        return self._remember(super().load(ids, probing=probing))

    def load_large_records(self, notifications: Sequence[DueNotification]) -> list[DueNotification]:
        return self._remember(super().load_large_records(notifications))

    def _remember(self, due: list[DueNotification]) -> list[DueNotification]:
        self._tracing.remember((each.id, each.route, each.record) for each in due)
        return due


class TracedMeasuredAttempts(TracedAttempts, MeasuredAttempts):
    """Remembers the origins of what is loaded, and measures how long the statements take."""


class TracedPreparer:
    """Traces builds. Everything else is that of the preparer itself."""

    def __init__(self, preparer: MessagePreparer, tracing: Tracing) -> None:
        self._preparer = preparer
        self._tracing = tracing
        self.not_built, self.timeout = preparer.not_built, preparer.timeout

    def when_out_of_memory(self, call: Callable[[DueNotification], Prepared | Change]) -> "TracedPreparer":
        return TracedPreparer(self._preparer.when_out_of_memory(call), self._tracing)

    def prepare(self, due: DueNotification) -> Prepared | Change:
        began = self._tracing.now()
        built = self._preparer.prepare(due)
        note_build(self._tracing, due, began, built)
        return built


class TracedBuilds:
    """Traces isolated builds. Everything else is that of the builds themselves."""

    def __init__(self, builds: Isolation, tracing: Tracing) -> None:
        self._builds = builds
        self._tracing = tracing
        self.mark, self.ended = builds.mark, builds.ended
        self.leave, self.in_worker = builds.leave, builds.in_worker

    def build(self, due: DueNotification, timeout: float) -> Prepared | Change:
        began = self._tracing.now()
        built = self._builds.build(due, timeout)
        note_build(self._tracing, due, began, built)
        return built


class TracedChannel:
    """A channel whose messages carry their origins."""

    def __init__(self, name: str, channel: SendingChannel, tracing: Tracing) -> None:
        self._name = name
        self._channel = channel
        self._tracing = tracing
        self.one_provider, self.address = channel.one_provider, channel.address

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        began = self._tracing.now()
        words = ["raised"] * len(messages)
        try:
            outcomes = self._channel.send([self._tracing.carried(each) for each in messages])
            words[: len(outcomes)] = [type(each).__name__ for each in outcomes]
        finally:
            done: list[tuple[UUID, Attributes]] = [
                (each.notification_id, {"notifier.attempt": each.attempt, "notifier.outcome": word})
                for each, word in zip(messages, words, strict=False)
            ]
            self._tracing.step("send", began, done, {"notifier.channel": self._name})
        return outcomes


def note_build(tracing: Tracing, due: DueNotification, began: int, built: Prepared | Change) -> None:
    """Note that a notification was built. The span of a digest is linked to the origins of its other events."""
    result = built.to.value if isinstance(built, Change) else "built"
    members = [origin for each in due.members or () if (origin := tracing.origin_in(each.record))]
    tracing.step("build", began, [(due.id, {"notifier.result": result})], links=members)


def attempts_of(
    settings: Settings, engine: Engine, tracing: Tracing | None, *, channel: str, worker: str
) -> Attempts:
    """Return the attempts of a channel: measured if metrics are served, traced if there is tracing."""
    measured = bool(settings.metrics_port)
    if tracing:
        traced = TracedMeasuredAttempts if measured else TracedAttempts
        return traced.of(settings, engine, channel=channel, worker=worker, tracing=tracing)
    return (MeasuredAttempts if measured else Attempts).of(settings, engine, channel=channel, worker=worker)


def traced_preparer(preparer: MessagePreparer, tracing: Tracing | None) -> MessagePreparer:
    return TracedPreparer(preparer, tracing) if tracing else preparer


def traced_builds(builds: Isolation, tracing: Tracing | None) -> Isolation:
    return TracedBuilds(builds, tracing) if tracing else builds


def traced_channel(name: str, channel: SendingChannel, tracing: Tracing | None) -> SendingChannel:
    return TracedChannel(name, channel, tracing) if tracing else channel
