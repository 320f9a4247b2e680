"""Publishes what is due, and what the broker lost. Runs in every bridge at once."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import structlog

from bridge.backlog import BackloggedQueues
from bridge.counters import PUBLISHED
from bridge.missing import HeldMessages, MissingMessages, fitting, missing_ids
from celery_units.redis.refusal import Refusals
from notifier.broker import Broker, BrokerError, BrokerRefused
from notifier.database.engine import Engine
from notifier.outbox import UNKNOWN_AFTER_SECONDS, DueScan, Publication, Publications, end_leases
from notifier.process.loops import NextIn

log = structlog.get_logger(__name__)

RELAY_SECONDS = 0.5
BUSY_SECONDS = 0.1
"""The pause after a pass that left rows unpublished: workers may free more room than half a second would use."""
PASS_SECONDS = 0.5
"""How long a pass publishes while rows keep coming."""
LOSS_CHECK = "the check for lost messages"
"""Used in place of a queue's name if Redis refuses this check: it may still take messages."""
_MOST_RETRIES = 5_000
_BATCH = 10
_AFTER_ERROR_SECONDS = 1.0
_HELD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one batch of a queue's publications did.

    `relayed`: how many messages were published. `more`: no row of the batch is left, so there may be more rows, and
    room for them. `full`: the batch had as many rows as it may have, so more rows are likely. `waits`: rows are left
    that were never published. `error`: the error of the broker, None without one.
    """

    relayed: int = 0
    more: bool = False
    full: bool = False
    waits: bool = False
    error: BrokerError | None = None


@dataclass(slots=True)
class PassResult:
    """What one pass did. `tried`: the queues that had rows due, and LOSS_CHECK; `errors`: those of Redis for them;
    `cut`: the pass ended because PASS_SECONDS were over.
    """

    relayed: int = 0
    tried: set[str] = field(default_factory=set)
    errors: dict[str, BrokerError] = field(default_factory=dict)
    cut: bool = False


class Relay:
    """Publishes in passes. A pass may be interrupted anywhere: the next one repeats what it did not finish."""

    def __init__(
        self,
        engine: Engine,
        publications: Publications,
        broker: Broker,
        high_water: int,
        unknown_after: float = UNKNOWN_AFTER_SECONDS,
        backlogged: BackloggedQueues | None = None,
    ) -> None:
        """`backlogged` is shared with the intake of this bridge."""
        self._engine = engine
        self._unknown_after = unknown_after
        self._publications = publications
        self._broker = broker
        self._high_water = high_water
        self._backlogged = backlogged or BackloggedQueues()
        self._expired_until = DueScan()
        self._generation: str | None = None
        self._held = HeldMessages(broker, min(_HELD_SECONDS, publications.look_again / 2))
        self._failing: Collection[str] = ()
        self._refusals: dict[str, Refusals] = {}

    def run_once(self) -> int:
        """End leases of attempts, wake retries, publish what is due; return how many messages were published.

        Raise BrokerError if it failed for a queue, after all other queues are done. What was taken and not
        published is due again soon.
        """
        done = self._pass(())
        for error in done.errors.values():
            raise error
        return done.relayed

    def run_pass(self) -> NextIn:
        """Do one pass; return when the next is due: soon, while rows wait and the broker takes some.

        What Redis refuses is tried again less and less often, for each queue by itself. Raise BrokerError if Redis
        does not answer.
        """
        paused = {what for what, each in self._refusals.items() if each.waits}
        done = self._pass(paused)
        for what, error in done.errors.items():
            if not isinstance(error, BrokerRefused):
                raise error
            name = what if what == LOSS_CHECK else f"messages of the queue {what}"
            cause = error.__cause__
            self._refusals.setdefault(what, Refusals(f"Redis refuses {name}")).add(
                cause if isinstance(cause, Exception) else error
            )
        for what in (self._refusals.keys() & done.tried) - done.errors.keys():
            self._refusals.pop(what).end()
        if done.cut:
            return NextIn(0.0)
        waiting = self._backlogged.queues - paused - done.errors.keys()
        return NextIn(BUSY_SECONDS if done.relayed and waiting else RELAY_SECONDS)

    def _pass(self, paused: Collection[str]) -> PassResult:
        """Publish what is due on all queues except the paused ones, in batches, one batch of each queue in turn.

        After PASS_SECONDS it ends, so that leases are ended and retries are woken again while rows keep coming.
        """
        done = PassResult()
        if expired := end_leases(self._engine, unknown_after=self._unknown_after, scan=self._expired_until):
            log.warning("attempts without an answer are unknown now", count=len(expired))
        self._publications.publish_due_retries(_MOST_RETRIES)
        if LOSS_CHECK not in paused:
            done.tried.add(LOSS_CHECK)
            try:
                self._notice_loss()
            except BrokerRefused as error:  # a loss is found anyway, when published rows are due to be looked up
                done.errors[LOSS_CHECK] = error
        known = self._backlogged.queues
        waiting = self._publications.queues_held_back()
        queues = sorted(self._publications.queues_due(), key=lambda each: each in self._failing)
        waiting.update(each for each in queues if each in paused)
        waiting.update(self._relay_all([each for each in queues if each not in paused], done))
        self._failing = set(done.errors)
        self._backlogged.update_after_pass(known, waiting)
        return done

    def _relay_all(self, queues: Sequence[str], done: PassResult) -> set[str]:
        """Publish batches of these queues; return those that have rows left which were never published."""
        waiting: set[str] = set()
        until = time.monotonic() + PASS_SECONDS
        while queues:
            more: dict[str, bool] = {}
            for number, queue in enumerate(queues):
                batch = self._relay(queue)
                done.tried.add(queue)
                done.relayed += batch.relayed
                if batch.more:
                    more[queue] = batch.full
                if batch.waits:
                    waiting.add(queue)
                if batch.error is not None:
                    done.errors[queue] = batch.error
                    if not isinstance(batch.error, BrokerRefused):  # Redis is away: the other queues would fail too
                        return waiting.union(queues[number:], more)
            queues = list(more)
            if time.monotonic() >= until:
                queues = [queue for queue, full in more.items() if full]
                done.cut = bool(queues)
                break
        return waiting.union(queues)

    def _notice_loss(self) -> None:
        """Make all published rows due if the broker is not the one of the last pass, or has lost its memory since."""
        generation = self._broker.generation()
        if self._generation not in (None, generation):
            log.error("the broker may have lost messages; what is pending and missing there is published again")
            self._held.forget()
            self._publications.make_all_due()
        self._generation = generation

    def _relay(self, queue: str) -> BatchResult:
        """Publish the oldest rows that are due on the queue, in one push."""
        due = self._publications.take_due(queue, _BATCH)
        self._publications.delete([each.id for each in due if not each.waiting])
        left = [each for each in due if each.waiting]
        relayed, again = 0, _AFTER_ERROR_SECONDS
        try:
            missing, error = self._missing(left)
            ready = self._publish(queue, missing)
            relayed = sum(len(each.ids) for each in ready)
            published = {each.publication.id for each in ready}
            left = [each for each in left if each.id not in published]
            again = _AFTER_ERROR_SECONDS if error else 0.0  # no room: these are the oldest, and so the next ones too
        except BrokerError as failed:
            error = failed
        finally:
            self._publications.postpone([each.id for each in left], again)
        waits = any(each.age is None for each in left)
        return BatchResult(
            relayed=relayed, more=bool(due) and not left, full=len(due) == _BATCH, waits=waits, error=error
        )

    def _missing(self, publications: Sequence[Publication]) -> tuple[list[MissingMessages], BrokerError | None]:
        """Return what is to be published of each publication, and the error of reading what it holds.

        After such an error published rows are left out; rows that were never published need no answer.
        """
        found: list[MissingMessages] = []
        error: BrokerError | None = None
        for each in publications:
            missing = each.waiting
            if each.age is not None:
                if error is not None:
                    continue
                try:
                    missing = missing_ids(each, self._held.of(each.queue, each.age))
                except BrokerError as failed:
                    error = failed
                    continue
            found.append(MissingMessages(each, missing))
        return found, error

    def _publish(self, queue: str, missing: Sequence[MissingMessages]) -> Sequence[MissingMessages]:
        """Publish as many of these as have room, and return them. Raise BrokerError."""
        if not missing:
            return ()
        depth = self._broker.depth(queue) if len(missing) > 1 else 0
        ready = fitting(missing, depth, self._high_water)
        messages = {id_: failures for each in ready for id_, failures in each.ids.items()}
        if not self._broker.publish(queue, messages, self._high_water):
            return ()
        for each in ready:
            age, count = each.publication.age, len(each.ids)
            if count and age is not None:
                log.info("published again: still pending, and not in the broker", queue=queue, count=count)
            PUBLISHED.labels(queue, "relayed" if age is None else "again").inc(count)
        self._publications.keep_waiting(*(each.publication for each in ready if each.ids), anew=True)
        self._publications.keep_waiting(*(each.publication for each in ready if not each.ids), anew=False)
        return ready
