"""Brings to the broker what is due and what it lost. Runs in every bridge at once."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import structlog

from bridge.behind import Behind
from bridge.counters import PUBLISHED
from bridge.lacking import Held, Lacking, absent, fitting
from bridge.loops import NextIn
from celery_units.redis.refusal import Refusals
from notifier.broker import BrokerError, BrokerRefused, Queue
from notifier.database.engine import Engine
from notifier.outbox import UNKNOWN_AFTER_SECONDS, DueScan, Publication, Publications, end_leases

log = structlog.get_logger(__name__)

RELAY_SECONDS = 0.5
BUSY_SECONDS = 0.1
"""The pause after a pass that left rows behind: workers may make room for more than half a second's worth."""
PASS_SECONDS = 0.5
"""How long a pass publishes while rows keep coming."""
MEMORY = "the question whether it lost messages"
"""Stands among the channels: what Redis refuses there does not keep it from taking messages."""
_RETRIES = 5_000
_BATCH = 10
_SOON = 1.0
_HELD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some publications of a channel: how many messages were `relayed`; whether there may be `more`,
    and room for them, and whether that is likely, as this batch was `full`; whether rows are left that nobody has
    published; and what Redis said where it failed.
    """

    relayed: int = 0
    more: bool = False
    full: bool = False
    waits: bool = False
    error: BrokerError | None = None


@dataclass(slots=True)
class Pass:
    """What one pass did. `tried`: the channels that were not empty, and MEMORY; `errors`: what Redis said of them.
    `cut`: it ended because its time was over.
    """

    relayed: int = 0
    tried: set[str] = field(default_factory=set)
    errors: dict[str, BrokerError] = field(default_factory=dict)
    cut: bool = False


class Relay:
    """One pass after another; each may end anywhere and be done again."""

    def __init__(
        self,
        engine: Engine,
        publications: Publications,
        queue: Queue,
        high_water: int,
        unknown_after: float = UNKNOWN_AFTER_SECONDS,
        behind: Behind | None = None,
    ) -> None:
        """`behind` is shared with the intake of this bridge."""
        self._engine = engine
        self._unknown_after = unknown_after
        self._publications = publications
        self._queue = queue
        self._high_water = high_water
        self._behind = behind or Behind()
        self._ended = DueScan()
        self._generation: str | None = None
        self._held = Held(queue, min(_HELD_SECONDS, publications.look_again / 2))
        self._failing: Collection[str] = ()
        self._refusals: dict[str, Refusals] = {}

    def run_once(self) -> int:
        """End leases, wake retries, publish what is due; answers how many messages were published.

        Raises BrokerError where it failed for a channel, when all others are done; what was taken and not published
        is due again soon.
        """
        done = self._pass(())
        for error in done.errors.values():
            raise error
        return done.relayed

    def turn(self) -> NextIn:
        """One pass; returns when the next is due: soon, while rows wait and the broker takes some. What Redis refuses
        is tried again less and less often, for each channel by itself. Raises BrokerError where Redis is away.
        """
        resting = {what for what, each in self._refusals.items() if each.waits}
        done = self._pass(resting)
        for what, error in done.errors.items():
            if not isinstance(error, BrokerRefused):
                raise error
            told = what if what == MEMORY else f"messages of the channel {what}"
            cause = error.__cause__
            self._refusals.setdefault(what, Refusals(told)).add(cause if isinstance(cause, Exception) else error)
        for what in (self._refusals.keys() & done.tried) - done.errors.keys():
            self._refusals.pop(what).end()
        if done.cut:
            return NextIn(0.0)
        waiting = self._behind.channels - resting - done.errors.keys()
        return NextIn(BUSY_SECONDS if done.relayed and waiting else RELAY_SECONDS)

    def _pass(self, resting: Collection[str]) -> Pass:
        """Publish what is due on all channels but those that rest, a batch of each in turn, for PASS_SECONDS: then
        leases are to be ended and retries to be woken again.
        """
        done = Pass()
        if expired := end_leases(self._engine, unknown_after=self._unknown_after, scan=self._ended):
            log.warning("attempts without an answer are unknown now", count=len(expired))
        self._publications.retries_due(_RETRIES)
        if MEMORY not in resting:
            done.tried.add(MEMORY)
            try:
                self._notice_loss()
            except BrokerRefused as error:  # what it lost is found when its time to be looked at again comes
                done.errors[MEMORY] = error
        known = self._behind.channels
        waiting = self._publications.channels_held_back()
        channels = sorted(self._publications.channels_due(), key=lambda each: each in self._failing)
        waiting.update(each for each in channels if each in resting)
        waiting.update(self._relay_all([each for each in channels if each not in resting], done))
        self._failing = set(done.errors)
        self._behind.settle(known, waiting)
        return done

    def _relay_all(self, channels: Sequence[str], done: Pass) -> set[str]:
        """Returns the channels that have rows left which nobody has published."""
        waiting: set[str] = set()
        until = time.monotonic() + PASS_SECONDS
        while channels:
            more: dict[str, bool] = {}
            for number, channel in enumerate(channels):
                batch = self._relay(channel)
                done.tried.add(channel)
                done.relayed += batch.relayed
                if batch.more:
                    more[channel] = batch.full
                if batch.waits:
                    waiting.add(channel)
                if batch.error is not None:
                    done.errors[channel] = batch.error
                    if not isinstance(batch.error, BrokerRefused):  # nor would it answer for the others
                        return waiting.union(channels[number:], more)
            channels = list(more)
            if time.monotonic() >= until:
                channels = [channel for channel, full in more.items() if full]
                done.cut = bool(channels)
                break
        return waiting.union(channels)

    def _notice_loss(self) -> None:
        generation = self._queue.generation()
        if self._generation not in (None, generation):
            log.error("the broker may have lost messages; what is pending and missing there is published again")
            self._held.forget()
            self._publications.all_due()
        self._generation = generation

    def _relay(self, channel: str) -> Batch:
        """Publish the oldest of what is due on the channel, in one push."""
        due = self._publications.take_due(channel, _BATCH)
        self._publications.settled([each.id for each in due if not each.waiting])
        left = [each for each in due if each.waiting]
        relayed, again = 0, _SOON
        try:
            lacking, error = self._lacking(left)
            ready = self._publish(channel, lacking)
            relayed = sum(len(each.ids) for each in ready)
            published = {each.publication.id for each in ready}
            left = [each for each in left if each.id not in published]
            again = _SOON if error else 0.0  # no room: the oldest must be the first again
        except BrokerError as failed:
            error = failed
        finally:
            self._publications.postpone([each.id for each in left], again)
        waits = any(each.age is None for each in left)
        return Batch(relayed, bool(due) and not left, len(due) == _BATCH, waits, error)

    def _lacking(self, publications: Sequence[Publication]) -> tuple[list[Lacking], BrokerError | None]:
        """What is to be published of each. Left out are those of which the broker did not say what it holds; why not
        comes with it. Those that nobody has published do not wait for that.
        """
        found: list[Lacking] = []
        error: BrokerError | None = None
        for each in publications:
            missing = each.waiting
            if each.age is not None:
                if error is not None:
                    continue
                try:
                    missing = absent(each, self._held.of(each.channel, each.age))
                except BrokerError as failed:
                    error = failed
                    continue
            found.append(Lacking(each, missing))
        return found, error

    def _publish(self, channel: str, lacking: Sequence[Lacking]) -> Sequence[Lacking]:
        """Publish as many of these as find room, and return them. Raises BrokerError."""
        if not lacking:
            return ()
        depth = self._queue.depth(channel) if len(lacking) > 1 else 0
        ready = fitting(lacking, depth, self._high_water)
        messages = {id_: failures for each in ready for id_, failures in each.ids.items()}
        if not self._queue.publish(channel, messages, self._high_water):
            return ()
        for each in ready:
            age, count = each.publication.age, len(each.ids)
            if count and age is not None:
                log.info("published again: still pending, and not in the broker", channel=channel, count=count)
            PUBLISHED.labels(channel, "relayed" if age is None else "again").inc(count)
        for anew in (True, False):
            some = [each.publication for each in ready if bool(each.ids) is anew]
            self._publications.published_again(*some, anew=anew)
        return ready
