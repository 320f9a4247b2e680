"""Settle the provider's events: each changes its delivery once, in whatever order they arrive.

Every event proves that the provider accepted the message of one attempt; some also report a delivery, a bounce or a
complaint. The database may have no trace of that attempt: a failover or a restored backup may have lost the commit
that began it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from notifier.channels import address_of
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.outbox.delivery.acceptances import Acceptance, accept
from notifier.outbox.delivery.results import apply_results
from notifier.outbox.feedback import unmatched
from notifier.outbox.feedback.rates import RateLimits, add_counts, pause_above_limits
from notifier.outbox.feedback.stored import StoredFeedback, store
from notifier.outbox.feedback.suppressions import suppress_recipients
from notifier.outbox.statements import statement

_NOTE_NEWEST_SENT = statement(__package__, "note_newest_sent.sql")
_NOTE_SETS_SENT = statement(__package__, "note_sets_sent.sql")
_NOTE_DRAINED = statement(__package__, "note_drained.sql")
_INSERT_DEAD_LETTERS = statement(__package__, "insert_dead_letters.sql")

_LOOKED_AT = 5_000
"""Events without a notification that one call of `match_again` looks at, at most."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How many events of a batch there were of each kind.

    `fresh` ones belong to a notification and are new, `unmatched` ones are new and belong to none, `repeated` ones
    were stored before and changed nothing, `dead` messages could not be read. `accepted`: deliveries set to `sent`.
    `duplicates`: further accepted messages of a notification that is `sent` already.
    """

    fresh: int = 0
    repeated: int = 0
    accepted: int = 0
    duplicates: int = 0
    unmatched: int = 0
    dead: int = 0


class Settlement:
    """Settles the events of a queue: those of `channel`, and of `others` whose provider has the same queue.

    `address` returns a recipient as suppressions spell it; by default it is each channel's own function. `limits` are
    the rates of bounces and complaints at which `channel` is paused. `actor` is the name in the history. With
    `configuration_set`, the one of the settings, an event that names another set shows only that events of that set
    arrive; without it, every event shows it of the channel.

        Settlement(engine, channel="email").settle(events, dead_letters)
    """

    def __init__(
        self,
        engine: Engine,
        *,
        channel: str,
        actor: str = "feedback",
        limits: RateLimits | None = None,
        others: Collection[str] = (),
        address: Callable[[str], str] | None = None,
        configuration_set: str | None = None,
    ) -> None:
        self._engine = engine
        self._channel = channel
        self._actor = actor
        self._limits = limits or RateLimits()
        self._others = others
        self._address = address
        self._configuration_set = configuration_set

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        """Settle a batch of events and unreadable messages in one transaction. Return the counts. Safe to repeat."""
        with self._engine.begin() as connection:
            new_dead = _insert_dead_letters(connection, dead) if dead else 0
            settled = self._settle_all(connection, events) if events else Settled()
        return replace(settled, dead=new_dead, repeated=settled.repeated + len(dead) - new_dead)

    def match_again(self, limit: int = _LOOKED_AT) -> bool:
        """Settle events whose notification was not in the database when they arrived, and is now.

        Looks at up to `limit` events that are due. True if there may be more of them.
        """
        with self._engine.begin() as connection:
            taken = unmatched.take(connection, limit)
        with self._engine.begin() as connection:
            if found := unmatched.with_notification(connection, taken, self._channel, self._others):
                self._settle_all(connection, found)
                unmatched.delete(connection, found)
        return len(taken) == limit

    def note_settled_before(self, ago: float = 0.0) -> None:
        """Store that every event that was published more than `ago` seconds ago is settled.

        The queue need not be empty: see bridge/feedback/flow.py.
        """
        with self._engine.begin() as connection:
            for channel in sorted((self._channel, *self._others)):
                connection.execute(_NOTE_DRAINED, {"channel": channel, "ago": ago})

    def _settle_all(self, connection: Connection, events: Sequence[Feedback]) -> Settled:
        """Settle the events of each channel, in the order of its name: two receivers lock rows in the same order."""
        channels = {each.channel for each in events}
        if channels == {self._channel}:
            return self._settle(connection, self._channel, events)
        done = [
            self._settle(connection, channel, [each for each in events if each.channel == channel])
            for channel in sorted(channels)
        ]
        return Settled(*(sum(each) for each in zip(*map(astuple, done), strict=True)))

    def _settle(self, connection: Connection, channel: str, events: Sequence[Feedback]) -> Settled:
        stored = store(connection, events)
        repeated = len(events) - len(stored.fresh) - stored.unmatched
        acceptances = [
            Acceptance(id_, each.message_id, f"an event of attempt {each.attempt} proves it", each.attempt)
            for each in stored.fresh
            if (id_ := each.notification_id) is not None
        ]
        accepted, duplicates = accept(connection, acceptances, self._actor) if acceptances else (set(), 0)
        if stored.fresh:
            apply_results(connection, channel, stored.fresh)
        self._suppress_and_count(connection, channel, stored)
        self._note_sent(connection, channel, stored.sent_until)  # last, because it locks its rows until the commit
        return Settled(len(stored.fresh), repeated, len(accepted), duplicates, stored.unmatched)

    def _note_sent(self, connection: Connection, channel: str, sent_until: Mapping[str | None, datetime]) -> None:
        usual, default = [], self._configuration_set
        own: dict[str, datetime] = {}
        for name, until in sent_until.items():
            if name is None or default is None or name == default:
                usual.append(until)
            else:
                own[name] = until
        if own:
            names = sorted(own)  # two receivers lock rows in the same order
            values = {"configuration_sets": names, "sent_until": [own[name] for name in names]}
            connection.execute(_NOTE_SETS_SENT, {"channel": channel, **values})
        if usual:
            connection.execute(_NOTE_NEWEST_SENT, {"channel": channel, "sent_until": max(usual)})

    def _suppress_and_count(self, connection: Connection, channel: str, stored: StoredFeedback) -> None:
        """Suppress the recipients of new events, count the events, and pause the channel if its limits are reached.

        The recipient of a complaint or a hard bounce is suppressed at once, also if the notification is not in this
        database. `fresh` and `late` events are counted now, `waiting` ones when their notification is recorded.
        """
        named = [*stored.fresh, *stored.waiting, *stored.late]
        counted = [*stored.fresh, *stored.late]
        suppress_recipients(connection, channel, named, self._address or partial(address_of, channel), self._actor)
        if not counted:
            return
        add_counts(connection, channel, _counts(counted))
        if channel == self._channel and any(
            each.kind in (FeedbackKind.BOUNCE, FeedbackKind.COMPLAINT) for each in counted
        ):
            pause_above_limits(connection, self._channel, self._limits)


def _insert_dead_letters(connection: Connection, dead: Sequence[DeadLetter]) -> int:
    """Return how many of them are new."""
    raws, errors = [each.raw for each in dead], [each.error for each in dead]
    return connection.execute(_INSERT_DEAD_LETTERS, {"raws": raws, "errors": errors}).rowcount


def _counts(fresh: Sequence[Feedback]) -> dict[str, int]:
    kinds = Counter(each.kind for each in fresh)
    return {
        "sends": kinds[FeedbackKind.SEND],
        "deliveries": kinds[FeedbackKind.DELIVERY],
        "bounces": kinds[FeedbackKind.BOUNCE],
        "hard_bounces": sum(each.kind is FeedbackKind.BOUNCE and each.permanent for each in fresh),
        "complaints": kinds[FeedbackKind.COMPLAINT],
    }
