"""An acceptance that was learned outside of its attempt's own `finish`: by an event, or by an answer that came late.

It settles the delivery wherever that stands, also where the database does not know the attempt: a failover or a
restored backup may have lost its begin, and then a later attempt may have the same number. So neither the number nor
the token decides whether a message was accepted, only the provider's message id does. A later attempt that is under
way keeps its own outcome, and the earlier acceptance is remembered in `provider_message_id`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from notifier.outbox.days import within

log = structlog.get_logger(__name__)

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
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:attempts AS int[]), CAST(:message_ids AS text[]), CAST(:reasons AS text[])
  ) AS proof (id, attempt, message_id, reason)
), before AS (
  SELECT d.notification_id, d.status, d.begun_at
  FROM deliveries d
  WHERE d.notification_id = ANY(CAST(:open AS uuid[])) AND in_days(d.notification_id)
), changed AS (
  UPDATE deliveries d SET
    provider_message_id = coalesce(d.provider_message_id, proof.message_id),
    status = CASE WHEN d.status = 'sending' AND d.attempt IS DISTINCT FROM proof.attempt THEN d.status
                  WHEN d.status IN ('delivered', 'bounced', 'complained') THEN d.status ELSE 'sent' END,
    next_attempt_at = NULL
  FROM before JOIN proof ON proof.id = before.notification_id
  WHERE d.notification_id = before.notification_id AND in_days(d.notification_id)
    AND (proof.message_id IS NOT NULL OR d.status NOT IN ('sending', 'sent', 'delivered', 'bounced', 'complained'))
  RETURNING d.notification_id, before.status AS was, d.status, coalesce(proof.attempt, d.attempt) AS attempt,
            proof.reason, before.begun_at
), accepted AS (
  SELECT * FROM changed WHERE status = 'sent' AND was <> 'sent'
), attended AS (
  DELETE FROM due USING accepted WHERE due.notification_id = accepted.notification_id
), event AS (
  INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason, begun_at)
  SELECT notification_id, was, 'sent', attempt, :actor, reason, begun_at FROM accepted
)
SELECT notification_id FROM accepted
""")

_TWICE = text("""
INSERT INTO duplicates (notification_id, message_id)
SELECT DISTINCT proof.id, proof.message_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:message_ids AS text[])) AS proof (id, message_id)
JOIN deliveries d ON d.notification_id = proof.id AND in_days(d.notification_id)
WHERE d.provider_message_id <> proof.message_id
ORDER BY proof.id, proof.message_id
ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The provider took a message of this notification. `reason` says how we know, for `notifier show`.

    `attempt` is the one that its event names, None for an answer: that one's own attempt is over. `message_id` is
    None where the answer came without one.
    """

    id: UUID
    message_id: str | None
    reason: str
    attempt: int | None = None


def accept(connection: Connection, proofs: Sequence[Acceptance], actor: str) -> tuple[set[UUID], int]:
    """Whatever is not accepted yet → sent, in the caller's transaction. Return the ids that became sent, and how many
    message ids are newly counted in `duplicates`: those accepted beside the one that the delivery names.
    """
    proof = _latest(proofs)
    ids = [each.id for each in proof]
    accepted: set[UUID] = set()
    if open_ := list(connection.execute(within(_OPEN, ids), {"ids": ids}).scalars()):
        values = {
            "ids": ids,
            "attempts": [each.attempt for each in proof],
            "message_ids": [each.message_id for each in proof],
            "reasons": [each.reason for each in proof],
        }
        accepted = set(
            connection.execute(within(_ACCEPT, open_), {**values, "open": open_, "actor": actor}).scalars()
        )
    every = {"ids": [each.id for each in proofs], "message_ids": [each.message_id for each in proofs]}
    duplicates = connection.execute(within(_TWICE, ids), every).rowcount
    if duplicates:
        log.error("DUPLICATE: the provider accepted a notification twice", count=duplicates)
    return accepted, duplicates


def _latest(proofs: Sequence[Acceptance]) -> list[Acceptance]:
    """One for each notification, by id. The highest attempt, as that one may be under way; any other would do."""
    latest: dict[UUID, Acceptance] = {}
    for each in proofs:
        known = latest.get(each.id)
        if known is None or (each.attempt or 0) > (known.attempt or 0):
            latest[each.id] = each
    return sorted(latest.values(), key=lambda each: each.id)
