"""Feedback becomes what it proves: an acceptance, a delivery, a bounce, a complaint; in any order, each once.

An event proves that the provider took the message of one attempt. It settles the delivery wherever that stands, but
for a later attempt that is under way: that one keeps its own outcome, and the earlier acceptance is remembered.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, text

from notifier.database import storable
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.outbox.days import within
from notifier.outbox.rates import RateLimits, count, trip
from notifier.outbox.results import apply_results

log = structlog.get_logger(__name__)

# A new event of an attempt of ours is kept; the others are kept apart, so that nothing is dropped.
_KEEP = text("""
WITH incoming AS (
  SELECT * FROM unnest(
    CAST(:numbers AS int[]), CAST(:ids AS uuid[]), CAST(:attempts AS int[]), CAST(:kinds AS text[]),
    CAST(:message_ids AS text[]), CAST(:occurred AS timestamptz[]), CAST(:details AS text[])
  ) AS incoming (number, id, attempt, kind, message_id, occurred_at, detail)
), known AS (
  SELECT incoming.* FROM incoming JOIN deliveries d ON d.notification_id = incoming.id AND in_days(d.notification_id)
  WHERE incoming.attempt BETWEEN 1 AND d.attempt
), fresh AS (
  INSERT INTO feedback (notification_id, message_id, kind, occurred_at, attempt, detail)
  SELECT id, message_id, kind, occurred_at, attempt, detail FROM known ORDER BY id, message_id
  ON CONFLICT DO NOTHING
  RETURNING notification_id, message_id, kind, occurred_at
), unmatched AS (
  INSERT INTO unmatched_feedback (message_id, kind, occurred_at, notification_id, reason)
  SELECT message_id, kind, occurred_at, id,
         CASE WHEN id IS NULL THEN 'it names no notification' WHEN attempt IS NULL THEN 'it names no attempt'
              ELSE 'there is no such notification or attempt' END
  FROM incoming WHERE number NOT IN (SELECT number FROM known)
  ORDER BY message_id, kind, occurred_at
  ON CONFLICT DO NOTHING
  RETURNING 1
)
SELECT notification_id, message_id, kind, occurred_at FROM fresh
UNION ALL SELECT NULL, NULL, NULL, NULL FROM unmatched
""")

# Locks only what is not settled: most deliveries are `sent` when their events come. A statement of its own, as the
# next one must see what whoever held these rows has written.
_OPEN = text("""
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id)
  AND (d.status NOT IN ('sent', 'delivered', 'bounced', 'complained') OR d.provider_message_id IS NULL)
ORDER BY d.notification_id FOR UPDATE
""")

_ACCEPT = text("""
WITH proof AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:attempts AS int[]), CAST(:message_ids AS text[]))
    AS proof (id, attempt, message_id)
), before AS (
  SELECT d.notification_id, d.status, d.begun_at
  FROM deliveries d
  WHERE d.notification_id = ANY(CAST(:open AS uuid[])) AND in_days(d.notification_id)
), changed AS (
  UPDATE deliveries d SET
    provider_message_id = coalesce(d.provider_message_id, proof.message_id),
    status = CASE WHEN d.status = 'sending' AND d.attempt <> proof.attempt THEN d.status
                  WHEN d.status IN ('delivered', 'bounced', 'complained') THEN d.status ELSE 'sent' END,
    next_attempt_at = NULL
  FROM before JOIN proof ON proof.id = before.notification_id
  WHERE d.notification_id = before.notification_id AND in_days(d.notification_id)
  RETURNING d.notification_id, before.status AS was, d.status, proof.attempt, before.begun_at
), accepted AS (
  SELECT * FROM changed WHERE status = 'sent' AND was <> 'sent'
), attended AS (
  DELETE FROM due USING accepted WHERE due.notification_id = accepted.notification_id
), event AS (
  INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason, begun_at)
  SELECT notification_id, was, 'sent', attempt, :actor, 'an event of attempt ' || attempt || ' proves it', begun_at
  FROM accepted
)
SELECT count(*) FROM accepted
""")

_TWICE = text("""
INSERT INTO duplicates (notification_id, message_id)
SELECT DISTINCT proof.id, proof.message_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:message_ids AS text[])) AS proof (id, message_id)
JOIN deliveries d ON d.notification_id = proof.id AND in_days(d.notification_id)
WHERE d.provider_message_id <> proof.message_id
ON CONFLICT DO NOTHING
""")

# The address is the one that we sent to: what the provider calls it may be spelled in another way.
_SUPPRESS = text("""
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, notification_id)
SELECT DISTINCT ON (d.recipient, barred.topic)
       :channel, d.recipient, barred.topic, barred.reason, :actor, d.notification_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[]), CAST(:topics AS text[])) AS barred (id, reason, topic)
JOIN deliveries d ON d.notification_id = barred.id AND in_days(d.notification_id)
WHERE barred.id IS NULL OR d.recipient IS NOT NULL
ORDER BY d.recipient, barred.topic, barred.reason
ON CONFLICT (channel, address, topic) DO UPDATE
  SET reason = excluded.reason, actor = excluded.actor, notification_id = excluded.notification_id
  WHERE excluded.reason < s.reason
""")

_FLOW = text("""
INSERT INTO channels AS c (channel, events_sent_until) VALUES (:channel, least(:sent_until, now()))
ON CONFLICT (channel) DO UPDATE SET events_sent_until = greatest(c.events_sent_until, excluded.events_sent_until)
""")

_DRAINED = text("""
INSERT INTO channels AS c (channel, drained_at) VALUES (:channel, now() - make_interval(secs => :ago))
ON CONFLICT (channel) DO UPDATE SET drained_at = greatest(c.drained_at, excluded.drained_at)
""")

# In one order, as two receivers may have the same messages.
_BURY = text("""
INSERT INTO dead_letters (raw, error)
SELECT * FROM unnest(CAST(:raws AS bytea[]), CAST(:errors AS text[])) AS letter (raw, error) ORDER BY raw
ON CONFLICT (digest) DO NOTHING
""")


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
    """Settles the feedback of one channel."""

    def __init__(
        self, engine: Engine, *, channel: str, actor: str = "feedback", limits: RateLimits | None = None
    ) -> None:
        self._engine = engine
        self._channel = channel
        self._actor = actor
        self._limits = limits or RateLimits()

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        """All of the batch in one transaction. What is settled again changes nothing."""
        with self._engine.begin() as connection:
            buried = _bury(connection, dead) if dead else 0
            fresh, unmatched = _keep(connection, events) if events else ([], 0)
            accepted, duplicates = self._accept(connection, fresh) if fresh else (0, 0)
            if events:
                self._flow(connection, events)
        repeated = len(events) - len(fresh) - unmatched + len(dead) - buried
        return Settled(len(fresh), repeated, accepted, duplicates, unmatched, buried)

    def idle(self, ago: float = 0.0) -> None:
        """Every event that was published more than `ago` seconds ago is settled: the queue holds none of them."""
        with self._engine.begin() as connection:
            connection.execute(_DRAINED, {"channel": self._channel, "ago": ago})

    def _accept(self, connection: Connection, fresh: Sequence[Feedback]) -> tuple[int, int]:
        proof = _latest(fresh)
        ids = [each.notification_id for each in proof if each.notification_id is not None]
        values = {
            "ids": ids,
            "attempts": [each.attempt for each in proof],
            "message_ids": [each.message_id for each in proof],
        }
        accepted = 0
        if open_ := list(connection.execute(within(_OPEN, ids), {"ids": ids}).scalars()):
            accept = within(_ACCEPT, open_)
            accepted = int(connection.execute(accept, {**values, "open": open_, "actor": self._actor}).scalar_one())
        every = {
            "ids": [each.notification_id for each in fresh],
            "message_ids": [each.message_id for each in fresh],
        }
        duplicates = connection.execute(within(_TWICE, ids), every).rowcount
        if duplicates:
            log.error("DUPLICATE: the provider accepted a notification twice", count=duplicates)
        self._conclude(connection, fresh)
        return accepted, duplicates

    def _conclude(self, connection: Connection, fresh: Sequence[Feedback]) -> None:
        apply_results(connection, fresh)
        if barred := _barred(fresh):
            ids, reasons, topics = zip(*sorted(barred), strict=True)
            values = {"ids": list(ids), "reasons": list(reasons), "topics": list(topics)}
            connection.execute(within(_SUPPRESS, ids), {**values, "channel": self._channel, "actor": self._actor})
        count(connection, self._channel, _counts(fresh))
        if any(each.kind in (FeedbackKind.BOUNCE, FeedbackKind.COMPLAINT) for each in fresh):
            trip(connection, self._channel, self._limits)

    def _flow(self, connection: Connection, events: Sequence[Feedback]) -> None:
        sent_until = max(each.sent_at for each in events)
        connection.execute(_FLOW, {"channel": self._channel, "sent_until": sent_until})


def _bury(connection: Connection, dead: Sequence[DeadLetter]) -> int:
    """Answers how many of them are new."""
    raws, errors = [each.raw for each in dead], [each.error for each in dead]
    return connection.execute(_BURY, {"raws": raws, "errors": errors}).rowcount


_Key = tuple[UUID | None, str, str, datetime]


def _keep(connection: Connection, events: Sequence[Feedback]) -> tuple[list[Feedback], int]:
    """The events that are new, and how many new ones match nothing of ours."""
    distinct: dict[_Key, Feedback] = {_key(each): each for each in events}
    keys = list(distinct)
    values: dict[str, list[Any]] = {
        "numbers": list(range(len(keys))),
        "ids": [key[0] for key in keys],
        "attempts": [each.attempt for each in distinct.values()],
        "kinds": [key[2] for key in keys],
        "message_ids": [key[1] for key in keys],
        "occurred": [key[3] for key in keys],
        "details": [each.detail for each in distinct.values()],
    }
    named = [key[0] for key in keys if key[0] is not None]
    rows = connection.execute(within(_KEEP, named), values).all()
    fresh = [distinct[(row[0], row[1], row[2], row[3])] for row in rows if row[0] is not None]
    return fresh, len(rows) - len(fresh)


def _key(event: Feedback) -> _Key:
    return event.notification_id, storable(event.message_id), event.kind.value, event.occurred_at


def _latest(fresh: Sequence[Feedback]) -> list[Feedback]:
    """One event for each notification: of its latest attempt."""
    latest: dict[UUID, Feedback] = {}
    for each in fresh:
        assert each.notification_id is not None  # noqa: S101  fresh events have been matched
        known = latest.get(each.notification_id)
        if known is None or (each.attempt or 0) > (known.attempt or 0):
            latest[each.notification_id] = each
    return sorted(latest.values(), key=lambda each: (each.notification_id is None, each.notification_id))


def _barred(fresh: Sequence[Feedback]) -> set[tuple[UUID, str, str]]:
    """Notifications whose recipient is not to be written to again: reason and topic."""
    found: set[tuple[UUID, str, str]] = set()
    for each in fresh:
        if each.notification_id is None:
            continue
        match each.kind:
            case FeedbackKind.COMPLAINT:
                found.add((each.notification_id, "complaint", ""))
            case FeedbackKind.BOUNCE if each.permanent:
                found.add((each.notification_id, "hard_bounce", ""))
            case FeedbackKind.UNSUBSCRIBE:
                found.add((each.notification_id, "unsubscribe", each.topic or ""))
    return found


def _counts(fresh: Sequence[Feedback]) -> dict[str, int]:
    kinds = Counter(each.kind for each in fresh)
    return {
        "sends": kinds[FeedbackKind.SEND],
        "deliveries": kinds[FeedbackKind.DELIVERY],
        "bounces": kinds[FeedbackKind.BOUNCE],
        "hard_bounces": sum(each.kind is FeedbackKind.BOUNCE and each.permanent for each in fresh),
        "complaints": kinds[FeedbackKind.COMPLAINT],
    }
