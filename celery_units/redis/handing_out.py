"""Handing out the messages that a channel has reserved: to the units of their task, or as kombu does it."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from celery_units.redis.alike import AlikeMessage
from celery_units.redis.reserve import QueueList, task_of

_ALIKE = 50
"""The most messages that are handed out without a look at the time."""


@dataclass(slots=True)
class Run:
    """Messages that were reserved one after another from one list: of one kind, or one `other` message, decoded."""

    origin: QueueList
    alike: list[AlikeMessage]
    other: dict[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.alike) + (self.other is not None)

    @property
    def tags(self) -> list[str]:
        """The delivery tags."""
        return [each.tag for each in self.alike] if self.other is None else [self.other["properties"]["delivery_tag"]]

    @property
    def task(self) -> str:
        """The name of the task that they call."""
        return self.alike[0].task if self.other is None else task_of(self.other)

    def take(self, most: int) -> list[AlikeMessage]:
        """Return up to so many alike messages, which are not part of this run any more."""
        taken, self.alike = self.alike[:most], self.alike[most:]
        return taken

    def take_one(self) -> dict[str, Any]:
        """Return the first message decoded, which is not part of this run any more."""
        if self.other is None:
            return self.take(1)[0].decoded()
        message, self.other = self.other, None
        return message


class Taker(Protocol):
    """Takes the messages of one task without kombu's objects."""

    def take(self, message: dict[str, Any]) -> bool:
        """Take a message, or return False."""

    def takes(self, message: AlikeMessage) -> bool:
        """Return whether to call `take_alike` with messages like this one."""

    def take_alike(self, messages: Sequence[AlikeMessage]) -> None:
        """Take messages of one kind."""


class HandingOut:
    """The reserved messages of one channel that have not been handed out. False if there is none."""

    def __init__(self, channel: Any) -> None:
        self.takers: dict[str, Taker] = {}
        """By the name of a task: takes those of its messages that need an ack."""
        self._channel = channel
        self._runs: deque[Run] = deque()

    def __bool__(self) -> bool:
        return bool(self._runs)

    def add(self, runs: Iterable[Run]) -> None:
        self._runs.extend(runs)

    def clear(self) -> None:
        self._runs.clear()

    def drop_others(self, queues: Collection[str]) -> list[str]:
        """Drop the messages of all queues but these. Return their tags."""
        dropped = [tag for run in self._runs if run.origin.queue not in queues for tag in run.tags]
        if dropped:
            self._runs = deque(run for run in self._runs if run.origin.queue in queues)
        return dropped

    def next(self) -> None:
        """Hand out the next message, and those behind it that are like it if they are taken together."""
        run = self._runs.popleft()
        taker = self.takers.get(run.task) if self.takers and run.origin.keep else None
        if taker and run.alike and taker.takes(run.alike[0]):
            alike = run.take(_ALIKE)
            self._put_back(run)
            taker.take_alike(alike)
        elif not (taker and run.other is not None and taker.take(run.other)):
            message = run.take_one()
            self._put_back(run)
            self._channel.connection._deliver(message, run.origin.queue)  # noqa: SLF001  as kombu's own channel does

    def _put_back(self, run: Run) -> None:
        if len(run):
            self._runs.appendleft(run)
