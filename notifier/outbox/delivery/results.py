"""What became of a message that was accepted, by the events that tell of it: the heaviest one counts."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox.days import within

RESULTS: Mapping[FeedbackKind, Status] = {
    FeedbackKind.DELIVERY: Status.DELIVERED,
    FeedbackKind.BOUNCE: Status.BOUNCED,
    FeedbackKind.SUPPRESSED: Status.BOUNCED,
    FeedbackKind.REJECT: Status.BOUNCED,
    FeedbackKind.RENDERING_FAILURE: Status.BOUNCED,
    FeedbackKind.COMPLAINT: Status.COMPLAINED,
}

_RANK = {Status.DELIVERED: 1, Status.BOUNCED: 2, Status.COMPLAINED: 3}

# Writes no event: `feedback` holds when it happened.
_RESULT = text("""
UPDATE deliveries d SET status = result.status, reason = coalesce(result.detail, d.reason)
FROM unnest(CAST(:ids AS uuid[]), CAST(:to AS delivery_status[]), CAST(:details AS text[]))
     AS result (id, status, detail)
WHERE d.notification_id = result.id AND in_days(d.notification_id) AND (
  result.id IS NULL OR d.status = 'sent' OR d.status = 'delivered' AND result.status IN ('bounced', 'complained')
  OR d.status = 'bounced' AND result.status = 'complained'
)
""")

# The type's own order is that of weight: delivered, bounced, complained.
_CONCLUDE = text("""
UPDATE deliveries d SET status = result.status, reason = coalesce(result.detail, d.reason)
FROM (
  SELECT DISTINCT ON (f.notification_id) f.notification_id, told.status, f.detail
  FROM feedback f
  JOIN unnest(CAST(:kinds AS text[]), CAST(:statuses AS delivery_status[])) AS told (kind, status) USING (kind)
  WHERE f.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(f.notification_id)
  ORDER BY f.notification_id, told.status DESC, f.occurred_at
) AS result
WHERE d.notification_id = result.notification_id AND in_days(d.notification_id)
  AND (result.notification_id IS NULL OR d.status = 'sent')
""")


def apply_results(connection: Connection, fresh: Sequence[Feedback]) -> None:
    """Sent → delivered, bounced or complained, and on to what weighs more, by events that are new."""
    if results := _heaviest(fresh):
        values = {
            "ids": list(results),
            "to": [RESULTS[each.kind].value for each in results.values()],
            "details": [each.detail for each in results.values()],
        }
        connection.execute(within(_RESULT, results), values)


def conclude(connection: Connection, ids: Sequence[UUID]) -> None:
    """Sent → what earlier events told, for deliveries that a later attempt was under way for when those came."""
    values = {"ids": list(ids), "kinds": [kind.value for kind in RESULTS], "statuses": [*map(str, RESULTS.values())]}
    connection.execute(within(_CONCLUDE, ids), values)


def _heaviest(fresh: Sequence[Feedback]) -> dict[UUID, Feedback]:
    """For each notification the event that weighs most: a complaint more than a bounce, that more than a delivery."""
    heaviest: dict[UUID, Feedback] = {}
    for each in fresh:
        if each.kind not in RESULTS or each.notification_id is None:
            continue
        known = heaviest.get(each.notification_id)
        if known is None or _RANK[RESULTS[each.kind]] > _RANK[RESULTS[known.kind]]:
            heaviest[each.notification_id] = each
    return dict(sorted(heaviest.items()))
