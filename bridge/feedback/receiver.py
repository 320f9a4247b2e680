"""One thread's work: gather a batch, settle it in one transaction, delete it from the queue.

Killed in between, the batch comes again and changes nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bridge.feedback.envelope import MessageParser, dead_letter
from bridge.feedback.flow import Flow
from bridge.feedback.queue import QueueMessage
from notifier.database.errors import DatabaseError, cause, is_refused
from notifier.errors import Unreachable
from notifier.feedback import DeadLetter, Feedback, Notice
from notifier.outbox import Settled
from notifier.telemetry import trace

log = structlog.get_logger(__name__)

MOST_MESSAGES = 500
MOST_CHARACTERS = 4_000_000
POLL_SECONDS = 2
GATHER_SECONDS = 0.25
MOST_RECEIVES = 20
"""So often something may go wrong with a single message before it is put aside."""


class Messages(Protocol):
    """The queue."""

    visibility: int

    def receive(self, wait_seconds: int) -> list[QueueMessage]: ...

    def delete(self, messages: Sequence[QueueMessage]) -> int: ...


class Settler(Protocol):
    """The outbox."""

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled: ...

    def idle(self, ago: float = 0.0) -> None: ...


@dataclass(frozen=True, slots=True)
class ReceivedBatch:
    messages: list[QueueMessage]
    came_at: float


class Receiver:
    """Its rounds belong to one thread; `turned_at` may be read by others."""

    def __init__(
        self,
        queue: Messages,
        parser: MessageParser,
        settlement: Settler,
        flow: Flow,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._parser = parser
        self._settlement = settlement
        self._flow = flow
        self._clock = clock
        self._held: ReceivedBatch | None = None
        self.turned_at = clock()

    def run_once(self) -> None:
        """One batch, or the wait for one. Raises DatabaseError and Unreachable: nothing is lost by calling again."""
        self.turned_at = self._clock()
        try:
            self._held = batch = self._held or ReceivedBatch(self._gather(), self._clock())
            done = self._settle(batch.messages)
            self._held = None
            left = self._queue.delete(done) + len(batch.messages) - len(done)
        except (DatabaseError, Unreachable):
            self._flow.reset()
            self._let_go()
            raise
        if left:
            self._flow.reset()
            log.warning("messages stay in the queue and will come again", count=left)
        if (ago := self._flow.settled_before()) is not None:
            self._settlement.idle(ago)

    def _let_go(self) -> None:
        """A batch that waits for the database is kept, but not until others get it too."""
        if self._held and self._clock() - self._held.came_at > self._queue.visibility / 2:
            self._held = None

    def _gather(self) -> list[QueueMessage]:
        """What is there, and a little later; none where nothing comes for a while."""
        gathered: list[QueueMessage] = []
        characters, until, wait = 0, float("inf"), POLL_SECONDS
        while len(gathered) < MOST_MESSAGES and characters < MOST_CHARACTERS and self._clock() < until:
            came = self._receive(wait, gathered)
            self._flow.received(came)
            if not came:
                break
            gathered += came
            characters += sum(len(each.body) for each in came)
            until, wait = min(until, self._clock() + GATHER_SECONDS), 0
        return gathered

    def _receive(self, wait: int, gathered: list[QueueMessage]) -> list[QueueMessage]:
        try:
            return self._queue.receive(wait)
        except Unreachable:
            self._flow.reset()
            if gathered:  # those first
                return []
            raise

    def _settle(self, messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Answers those that are settled. Raises DatabaseError where none could be."""
        known: list[QueueMessage] = []
        events: list[Feedback] = []
        letters: list[DeadLetter] = []
        reason = None
        for message in messages:
            try:
                found = self._parser.parse(message.body)
            except Unreachable as error:
                reason = str(error)
                continue
            known.append(message)
            if isinstance(found, DeadLetter):
                letters.append(found)
            elif isinstance(found, Notice):
                _pass_on(found)
            else:
                events += found
        if reason:
            log.error("ALARM: events cannot be believed yet", reason=reason, count=len(messages) - len(known))
        return self._write(known, events, letters) if known else []

    def _write(
        self, messages: Sequence[QueueMessage], events: list[Feedback], letters: list[DeadLetter]
    ) -> list[QueueMessage]:
        try:
            settled = self._settlement.settle(events, letters)
        except Exception as error:
            if isinstance(error, DatabaseError) and not is_refused(error):
                raise
            if len(messages) == 1:
                return self._put_aside(messages[0], error)
            half = len(messages) // 2  # one of them is at fault, and must not hold up the others
            return self._settle(messages[:half]) + self._settle(messages[half:])
        _tell(settled, letters)
        return list(messages)

    def _put_aside(self, message: QueueMessage, error: Exception) -> list[QueueMessage]:
        """At once what the database refuses; what fails for another reason may be a mistake that is mended soon."""
        if isinstance(error, DatabaseError):
            what = f"the database refuses it: {cause(error)}"
        elif message.receives >= MOST_RECEIVES:
            what = f"a mistake in Notifier: {type(error).__name__}"
        else:
            facts = {"error": type(error).__name__, "trace": trace(error)}
            log.error("a message could not be settled, will try again", **facts)
            return []
        letter = dead_letter(message.body, what)
        _tell(self._settlement.settle([], [letter]), [letter])
        return [message]


def _pass_on(notice: Notice) -> None:
    """Logged before the message is deleted: a crash in between logs it twice."""
    if notice.urgent:
        log.error("ALARM: a message of SES or SNS about no mail", notice=notice.text)
    else:
        log.info("a message of SES or SNS about no mail", notice=notice.text)


def _tell(settled: Settled, letters: Sequence[DeadLetter]) -> None:
    for error, count in Counter(each.error for each in letters).items():
        log.warning("messages that cannot be used: they are kept as dead letters", error=error, count=count)
    if settled.unmatched:
        log.info("events of no notification of ours: they are kept", count=settled.unmatched)
    log.debug("settled", fresh=settled.fresh, repeated=settled.repeated, accepted=settled.accepted)
