"""Attempts, preparers, isolated builds and a channel that trace what they do.

Without tracing, a worker uses the classes that these wrap, so that it costs nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast
from uuid import UUID

from notifier.channels import Channel
from notifier.messages import Message
from notifier.outbox import Attempts, Change, DueNotification
from notifier.outcomes import Outcome
from notifier.tracing.tracing import Attributes, Tracing
from workers.building.preparer import Prepared, Preparer
from workers.isolation.isolated_builds import IsolatedBuilds


class TracedAttempts:
    """Remembers the origins of what is loaded. Everything else is that of the attempts themselves."""

    def __init__(self, attempts: Attempts, tracing: Tracing) -> None:
        self._attempts = attempts
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._attempts, name)

    def load(self, ids: Sequence[UUID], *, probing: bool = False) -> list[DueNotification]:
        return self._remember(self._attempts.load(ids, probing=probing))

    def load_large_records(self, notifications: Sequence[DueNotification]) -> list[DueNotification]:
        return self._remember(self._attempts.load_large_records(notifications))

    def _remember(self, due: list[DueNotification]) -> list[DueNotification]:
        self._tracing.remember((each.id, each.route, each.record) for each in due)
        return due


class TracedPreparer:
    """Everything but `prepare` is that of the preparer itself."""

    def __init__(self, preparer: Preparer, tracing: Tracing) -> None:
        self._preparer = preparer
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._preparer, name)

    def when_out_of_memory(self, call: Callable[[DueNotification], Prepared | Change]) -> "TracedPreparer":
        return TracedPreparer(self._preparer.when_out_of_memory(call), self._tracing)

    def prepare(self, due: DueNotification) -> Prepared | Change:
        began = self._tracing.now()
        built = self._preparer.prepare(due)
        note_build(self._tracing, due, began, built)
        return built


class TracedBuilds:
    """Everything but `build` is that of the isolated builds themselves."""

    def __init__(self, builds: IsolatedBuilds, tracing: Tracing) -> None:
        self._builds = builds
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._builds, name)

    def build(self, due: DueNotification, timeout: float) -> Prepared | Change:
        began = self._tracing.now()
        built = self._builds.build(due, timeout)
        note_build(self._tracing, due, began, built)
        return built


class TracedChannel:
    """A channel whose messages carry their origins. Everything else is that of the channel itself."""

    def __init__(self, name: str, channel: Channel, tracing: Tracing) -> None:
        self._name = name
        self._channel = channel
        self._tracing = tracing
        # What is read for each message: without the detour through `__getattr__`.
        self.one_provider, self.request_type = channel.one_provider, channel.request_type
        self.address, self.render = channel.address, channel.render

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

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


def traced_attempts(attempts: Attempts, tracing: Tracing | None) -> Attempts:
    return cast("Attempts", TracedAttempts(attempts, tracing)) if tracing else attempts


def traced_preparer(preparer: Preparer, tracing: Tracing | None) -> Preparer:
    return cast("Preparer", TracedPreparer(preparer, tracing)) if tracing else preparer


def traced_builds(builds: IsolatedBuilds, tracing: Tracing | None) -> IsolatedBuilds:
    return cast("IsolatedBuilds", TracedBuilds(builds, tracing)) if tracing else builds


def traced_channel(name: str, channel: Channel, tracing: Tracing | None) -> Channel:
    return cast("Channel", TracedChannel(name, channel, tracing)) if tracing else channel
