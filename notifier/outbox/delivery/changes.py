"""What becomes of deliveries, and the statement that writes it for many at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from notifier.notifications import Status


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a delivery. `delay` is seconds until the next attempt, for a change to pending. `route` is for
    those who count.
    """

    id: UUID
    to: Status
    failed: bool = False
    delay: float | None = None
    message_id: str | None = None
    reason: str | None = None
    detail: str | None = None
    route: str = field(default="", compare=False)


def change_statement(guard: str, then: str = "", quiet: str = "'sent', 'skipped'") -> TextClause:
    """The statement that applies changes to deliveries in the one status that `guard` names.

    A delivery that has a message id was accepted, whatever this attempt came to: an event of an earlier one said so.
    `quiet` statuses write no event: the row itself says enough. `then` is one more part of the statement.
    Answers each id, and whether it was accepted before: there may be results of it.
    """
    return text(f"""
WITH change AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:to AS delivery_status[]), CAST(:failed AS int[]), CAST(:delays AS float8[]),
    CAST(:message_ids AS text[]), CAST(:reasons AS text[]), CAST(:details AS text[])
  ) AS change (id, status, failed, delay, message_id, reason, detail)
), changed AS (
  UPDATE deliveries d SET
    status = CASE WHEN d.provider_message_id IS NULL THEN change.status ELSE 'sent' END,
    failures = d.failures + change.failed, ended_at = now(), reason = change.reason,
    provider_message_id = coalesce(d.provider_message_id, change.message_id),
    next_attempt_at = CASE WHEN change.status = 'pending' AND d.provider_message_id IS NULL
                           THEN now() + make_interval(secs => change.delay) END
  FROM change
  WHERE d.notification_id = change.id AND in_days(d.notification_id) AND (change.id IS NULL OR {guard})
  RETURNING d.notification_id, d.status, d.attempt, d.begun_at, d.next_attempt_at, d.provider_message_id,
            change.message_id, change.reason, change.detail
), attention AS (
  INSERT INTO due (notification_id, kind, channel, due_at)
  SELECT notification_id, CASE status WHEN 'pending' THEN 'retry' ELSE 'unknown' END, :channel,
         coalesce(next_attempt_at, now() + make_interval(secs => :unknown_after))
  FROM changed WHERE status IN ('pending', 'unknown')
  ON CONFLICT (notification_id) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at
), event AS (
  INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason, detail, begun_at)
  SELECT notification_id, CAST(:from AS delivery_status), status, attempt, :worker, reason, detail, begun_at
  FROM changed WHERE status NOT IN ({quiet})
), twice AS (
  INSERT INTO duplicates (notification_id, message_id)
  SELECT notification_id, message_id FROM changed WHERE message_id <> provider_message_id
  ON CONFLICT DO NOTHING
){then}
SELECT notification_id, provider_message_id IS DISTINCT FROM message_id FROM changed
""")  # noqa: S608  every part is a constant of this package


def columns(changes: Sequence[Change]) -> dict[str, Any]:
    """The changes as the arrays of the statement, in an order in which two writers never wait for each other."""
    ordered = sorted(changes, key=lambda each: each.id)
    return {
        "ids": uuids(each.id for each in ordered),
        "to": [each.to.value for each in ordered],
        "failed": [int(each.failed) for each in ordered],
        "delays": [each.delay for each in ordered],
        "message_ids": [each.message_id for each in ordered],
        "reasons": [each.reason for each in ordered],
        "details": [each.detail for each in ordered],
    }


def uuids(ids: Iterable[UUID]) -> str:
    """As Postgres writes an array of them: cheaper to make than a parameter of each."""
    return "{" + ",".join(map(str, ids)) + "}"
