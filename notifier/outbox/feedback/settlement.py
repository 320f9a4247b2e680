"""Feedback becomes what it proves: an acceptance, a delivery, a bounce, a complaint; in any order, each once.

An event proves that the provider took the message of one attempt, also of one that this database does not know: its
begin may have been lost by a failover or a restored backup.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from notifier.channels import address_of
from notifier.database.engine import storable
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.outbox.days import within
from notifier.outbox.delivery.acceptances import Acceptance, accept
from notifier.outbox.delivery.results import apply_results
from notifier.outbox.feedback.rates import RateLimits, count, trip
from notifier.outbox.feedback.suppressions import bar, barring
from notifier.outbox.feedback.unmatched import OLDEST_ID, matched, recorded, take

# A new event of a notification of ours is kept; the others are kept apart, so that nothing is dropped. They wait for
# their notification only where a stream may still bring its record (`waits`): a day that was dropped does not come
# again. The last row tells when the newest message was sent that a `Send` event names as one of our own attempts.
_KEEP = text(f"""
WITH incoming AS (
  SELECT * FROM unnest(
    CAST(:numbers AS int[]), CAST(:ids AS uuid[]), CAST(:attempts AS int[]), CAST(:kinds AS text[]),
    CAST(:message_ids AS text[]), CAST(:occurred AS timestamptz[]), CAST(:details AS text[]),
    CAST(:sent AS timestamptz[]), CAST(:recipients AS text[]), CAST(:permanent AS bool[]), CAST(:topics AS text[])
  ) AS incoming (number, id, attempt, kind, message_id, occurred_at, detail, sent_at, recipient, permanent, topic)
), known AS (
  SELECT incoming.*, incoming.attempt <= d.attempt AS made
  FROM incoming JOIN deliveries d ON d.notification_id = incoming.id AND in_days(d.notification_id)
  WHERE incoming.attempt > 0
), fresh AS (
  INSERT INTO feedback (notification_id, message_id, kind, occurred_at, attempt, detail)
  SELECT id, message_id, kind, occurred_at, attempt, detail FROM known ORDER BY id, message_id
  ON CONFLICT DO NOTHING
  RETURNING notification_id, message_id, kind, occurred_at
), unmatched AS (
  INSERT INTO unmatched_feedback
    (message_id, kind, occurred_at, notification_id, reason, look_at, attempt, sent_at, recipient, permanent, detail,
     topic)
  SELECT message_id, kind, occurred_at, id,
         CASE WHEN id IS NULL THEN 'it names no notification' WHEN attempt IS NULL THEN 'it names no attempt'
              ELSE 'there is no such notification' END,
         CASE WHEN attempt > 0 AND id >= {OLDEST_ID} THEN now() END,
         attempt, sent_at, CASE WHEN id >= {OLDEST_ID} THEN recipient END, permanent, detail, topic
  FROM incoming WHERE number NOT IN (SELECT number FROM known)
  ORDER BY message_id, kind, occurred_at
  ON CONFLICT DO NOTHING
  RETURNING message_id, kind, occurred_at, look_at IS NOT NULL AS waits
)
SELECT notification_id, message_id, kind, occurred_at, CAST(NULL AS bool), CAST(NULL AS timestamptz) FROM fresh
UNION ALL SELECT NULL, message_id, kind, occurred_at, waits, NULL FROM unmatched
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, max(sent_at) FROM known WHERE made AND kind = 'send'
""")  # noqa: S608  a constant

_FLOW = text("""
INSERT INTO channel_events AS c (channel, events_sent_until) VALUES (:channel, least(:sent_until, now()))
ON CONFLICT (channel) DO UPDATE SET events_sent_until = greatest(c.events_sent_until, excluded.events_sent_until)
""")

_DRAINED = text("""
INSERT INTO channel_events AS c (channel, drained_at) VALUES (:channel, now() - make_interval(secs => :ago))
ON CONFLICT (channel) DO UPDATE SET drained_at = greatest(c.drained_at, excluded.drained_at)
""")

# In one order, as two receivers may have the same messages.
_BURY = text("""
INSERT INTO dead_letters (raw, error)
SELECT * FROM unnest(CAST(:raws AS bytea[]), CAST(:errors AS text[])) AS letter (raw, error) ORDER BY raw
ON CONFLICT (digest) DO NOTHING
""")


_LOOKED_AT = 5_000
"""Events without a notification that one call looks at."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a batch came to. What was known before is in `repeated` and changed nothing."""

    fresh: int = 0
    repeated: int = 0
    accepted: int = 0
    duplicates: int = 0
    unmatched: int = 0
    dead: int = 0


class Settlement:
    """Settles the feedback of one channel. `address` spells a recipient as suppressions do, by default as the channel
    itself does.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        channel: str,
        actor: str = "feedback",
        limits: RateLimits | None = None,
        address: Callable[[str], str] | None = None,
    ) -> None:
        self._engine = engine
        self._channel = channel
        self._actor = actor
        self._limits = limits or RateLimits()
        self._address = address or partial(address_of, channel)

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        """All of the batch in one transaction. What is settled again changes nothing."""
        with self._engine.begin() as connection:
            buried = _bury(connection, dead) if dead else 0
            settled = self._settle(connection, events) if events else Settled()
        return replace(settled, dead=buried, repeated=settled.repeated + len(dead) - buried)

    def match_again(self, limit: int = _LOOKED_AT) -> bool:
        """Settle the events whose notification was not there when they came and is recorded now.

        Looks at up to `limit` events; return whether there may be more to look at now.
        """
        with self._engine.begin() as connection:
            taken = take(connection, limit)
        with self._engine.begin() as connection:
            if found := recorded(connection, taken):
                self._settle(connection, found)
                matched(connection, found)
        return len(taken) == limit

    def idle(self, ago: float = 0.0) -> None:
        """Every event that was published more than `ago` seconds ago is settled: the queue holds none of them."""
        with self._engine.begin() as connection:
            connection.execute(_DRAINED, {"channel": self._channel, "ago": ago})

    def _settle(self, connection: Connection, events: Sequence[Feedback]) -> Settled:
        kept = _keep(connection, events)
        repeated = len(events) - len(kept.fresh) - kept.unmatched
        proofs = [
            Acceptance(id_, each.message_id, f"an event of attempt {each.attempt} proves it", each.attempt)
            for each in kept.fresh
            if (id_ := each.notification_id) is not None
        ]
        accepted, duplicates = accept(connection, proofs, self._actor) if proofs else (set(), 0)
        if kept.fresh:
            apply_results(connection, kept.fresh)
        self._heed(connection, [*kept.fresh, *kept.waiting, *kept.late], [*kept.fresh, *kept.late])
        if kept.sent_until:  # last: the row of the channel stays locked until the commit
            connection.execute(_FLOW, {"channel": self._channel, "sent_until": kept.sent_until})
        return Settled(len(kept.fresh), repeated, len(accepted), duplicates, kept.unmatched)

    def _heed(self, connection: Connection, told: Sequence[Feedback], counted: Sequence[Feedback]) -> None:
        """Suppress whom the events of `told` name, and count those of `counted`.

        A complaint counts for its recipient also where the notification is not in this database, because its day was
        dropped or it is not recorded again yet. What may be recorded still is counted then.
        """
        bar(connection, self._channel, told, self._address, self._actor)
        if not counted:
            return
        count(connection, self._channel, _counts(counted))
        if any(each.kind in (FeedbackKind.BOUNCE, FeedbackKind.COMPLAINT) for each in counted):
            trip(connection, self._channel, self._limits)


def _bury(connection: Connection, dead: Sequence[DeadLetter]) -> int:
    """Answers how many of them are new."""
    raws, errors = [each.raw for each in dead], [each.error for each in dead]
    return connection.execute(_BURY, {"raws": raws, "errors": errors}).rowcount


_Key = tuple[UUID | None, str, str, datetime]


@dataclass(frozen=True, slots=True)
class _Kept:
    """The events that are new, and how many new ones match nothing of ours.

    Those of them that carry both tags of ours are `waiting`, while their notification may still be recorded, or
    `late`: it was dropped. `sent_until` is when the provider took the newest message of ours whose `Send` event is
    among all of them.
    """

    fresh: list[Feedback]
    waiting: list[Feedback]
    late: list[Feedback]
    unmatched: int
    sent_until: datetime | None


def _keep(connection: Connection, events: Sequence[Feedback]) -> _Kept:
    by_key = {_key(each): each for each in events}
    distinct = list(by_key.values())
    values: dict[str, list[Any]] = {
        "numbers": list(range(len(distinct))),
        "ids": [each.notification_id for each in distinct],
        "attempts": [each.attempt for each in distinct],
        "kinds": [each.kind.value for each in distinct],
        "message_ids": [each.message_id for each in distinct],
        "occurred": [each.occurred_at for each in distinct],
        "details": [each.detail for each in distinct],
        "sent": [each.sent_at for each in distinct],
        "recipients": [each.recipient if each.attempt and barring(each) else None for each in distinct],
        "permanent": [each.permanent for each in distinct],
        "topics": [each.topic for each in distinct],
    }
    named = [each.notification_id for each in distinct if each.notification_id is not None]
    *rows, newest = connection.execute(within(_KEEP, named), values).all()
    fresh = [by_key[(row[0], row[1], row[2], row[3])] for row in rows if row[0] is not None]
    unmatched = {(row[1], row[2], row[3]): row[4] for row in rows if row[0] is None}
    ours = [(each, unmatched.get(_key(each)[1:])) for each in distinct if each.notification_id and each.attempt]
    return _Kept(
        fresh,
        [each for each, waits in ours if waits],
        [each for each, waits in ours if waits is False],
        len(unmatched),
        newest[5],
    )


def _key(event: Feedback) -> _Key:
    return event.notification_id, storable(event.message_id), event.kind.value, event.occurred_at


def _counts(fresh: Sequence[Feedback]) -> dict[str, int]:
    kinds = Counter(each.kind for each in fresh)
    return {
        "sends": kinds[FeedbackKind.SEND],
        "deliveries": kinds[FeedbackKind.DELIVERY],
        "bounces": kinds[FeedbackKind.BOUNCE],
        "hard_bounces": sum(each.kind is FeedbackKind.BOUNCE and each.permanent for each in fresh),
        "complaints": kinds[FeedbackKind.COMPLAINT],
    }
