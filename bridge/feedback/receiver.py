"""Gathers a batch of messages, settles it in one transaction, deletes it from the queue. Each receiver has a thread.

If the process is killed between settling and deleting, the batch comes again, and settling it changes nothing.
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
from bridge.feedback.recent import Settler
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
"""A message that a bug in Notifier keeps from being settled becomes a dead letter when it was received so often."""


class Messages(Protocol):
    """The queue: FeedbackQueue, or a test double."""

    visibility: int

    def receive(self, wait_seconds: int) -> list[QueueMessage]: ...

    def delete(self, messages: Sequence[QueueMessage]) -> int: ...


@dataclass(frozen=True, slots=True)
class ReceivedBatch:
    """Messages that are not settled yet, and the monotonic time when they were gathered."""

    messages: list[QueueMessage]
    came_at: float


class Receiver:
    """Receives for one thread. Other threads may read `turned_at`, the monotonic time when the last round began."""

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
        """Process one batch, or wait for one. Raise DatabaseError and Unreachable; then it is safe to call again."""
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
            self._settlement.note_settled_before(ago)

    def _let_go(self) -> None:
        """Drop a batch that waits for the database before its messages become visible to other receivers."""
        if self._held and self._clock() - self._held.came_at > self._queue.visibility / 2:
            self._held = None

    def _gather(self) -> list[QueueMessage]:
        """Return the messages that are there, and that come in the next quarter of a second. None may come."""
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
            if gathered:  # settle the messages that are there first
                return []
            raise

    def _settle(self, messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Settle the messages; return those that may be deleted. Raise DatabaseError if the database is away."""
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
                _log_notice(found)
            else:
                events += found
        if reason:
            log.error(
                "ALARM: the signatures of messages cannot be checked now, so they stay in the queue",
                reason=reason,
                count=len(messages) - len(known),
            )
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
            # One message may cause the error, and must not keep the others from being settled.
            half = len(messages) // 2
            return self._settle(messages[:half]) + self._settle(messages[half:])
        _log_settled(settled, letters)
        return list(messages)

    def _put_aside(self, message: QueueMessage, error: Exception) -> list[QueueMessage]:
        """Keep the message as a dead letter, at once if the database refuses it. Any other error may be a bug
        that the next version fixes: then it stays in the queue until it was received MOST_RECEIVES times.
        """
        if isinstance(error, DatabaseError):
            what = f"the database refuses it: {cause(error)}"
        elif message.receives >= MOST_RECEIVES:
            what = f"a mistake in Notifier: {type(error).__name__}"
        else:
            facts = {"error": type(error).__name__, "trace": trace(error)}
            log.error("a message could not be settled, will try again", **facts)
            return []
        letter = dead_letter(message.body, what)
        _log_settled(self._settlement.settle([], [letter]), [letter])
        return [message]


def _log_notice(notice: Notice) -> None:
    """Log it before the message is deleted: after a crash in between it is logged twice, not never."""
    if notice.urgent:
        log.error("ALARM: a notice from SES or SNS in the feedback queue", notice=notice.text)
    else:
        log.info("a notice from SES or SNS in the feedback queue", notice=notice.text)


def _log_settled(settled: Settled, letters: Sequence[DeadLetter]) -> None:
    for error, count in Counter(each.error for each in letters).items():
        log.warning("messages that cannot be used are kept as dead letters", error=error, count=count)
    if settled.unmatched:
        log.info("events whose notification is not in this database: they are kept", count=settled.unmatched)
    log.debug("settled", fresh=settled.fresh, repeated=settled.repeated, accepted=settled.accepted)
