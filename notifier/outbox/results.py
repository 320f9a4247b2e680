"""What became of a message that was accepted, by the events that tell of it: the heaviest one counts."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.feedback import FeedbackKind
from notifier.notifications import Status

RESULTS: Mapping[FeedbackKind, Status] = {
    FeedbackKind.DELIVERY: Status.DELIVERED,
    FeedbackKind.BOUNCE: Status.BOUNCED,
    FeedbackKind.REJECT: Status.BOUNCED,
    FeedbackKind.RENDERING_FAILURE: Status.BOUNCED,
    FeedbackKind.COMPLAINT: Status.COMPLAINED,
}

# The type's own order is that of weight: delivered, bounced, complained.
_CONCLUDE = text("""
UPDATE deliveries d SET status = result.status, reason = coalesce(result.detail, d.reason)
FROM (
  SELECT DISTINCT ON (f.notification_id) f.notification_id, told.status, f.detail
  FROM feedback f
  JOIN unnest(CAST(:kinds AS text[]), CAST(:statuses AS delivery_status[])) AS told (kind, status) USING (kind)
  WHERE f.notification_id = ANY(CAST(:ids AS uuid[]))
  ORDER BY f.notification_id, told.status DESC, f.occurred_at
) AS result
WHERE d.notification_id = result.notification_id AND d.status = 'sent'
""")


def conclude(connection: Connection, ids: Sequence[UUID]) -> None:
    """Sent → what earlier events told, for deliveries that a later attempt was under way for when those came."""
    values = {"ids": list(ids), "kinds": [kind.value for kind in RESULTS], "statuses": [*map(str, RESULTS.values())]}
    connection.execute(_CONCLUDE, values)
