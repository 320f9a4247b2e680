"""Routes that fail: deliveries that an error of a route, or of its template, keeps from being sent."""

from typing import Any

from sqlalchemy import Engine, text

from notifier.outbox.days import within_days
from notifier.outbox.history.calendar import joined, read_days
from notifier.outbox.operator.totals import snapshot

_LEAST_TRIES = 2
"""Times that a delivery which is tried again has failed: an error that passes is nobody's work."""

# What fails before its request leaves does so from `pending`: its route raised, hangs or killed its worker, or its
# template cannot be rendered. The row says that it failed, its last event from which status.
_FAILING = text("""
WITH failing AS (
  SELECT n.channel, n.route, d.notification_id, d.status, d.reason, d.ended_at
  FROM deliveries d JOIN notifications n USING (notification_id)
  WHERE in_days(d.notification_id) AND in_days(n.notification_id)
    AND (d.status = 'failed' OR d.status = 'pending' AND d.failures >= :tries)
    AND d.ended_at > coalesce((SELECT max(at) FROM operations WHERE action = 'acknowledge failures'), '-infinity')
    AND 'pending' = (
      SELECT e.status_from FROM delivery_events e
      WHERE e.notification_id = d.notification_id AND in_days(e.notification_id) ORDER BY e.at DESC LIMIT 1
    )
)
SELECT channel, route, count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'pending') AS retried, max(ended_at) AS newest_at,
       (array_agg(notification_id ORDER BY ended_at DESC))[1] AS newest_id,
       (array_agg(reason ORDER BY ended_at DESC))[1] AS newest_reason
FROM failing GROUP BY channel, route ORDER BY max(ended_at) DESC LIMIT 100
""")


def failing(engine: Engine, days: int) -> list[dict[str, Any]]:
    """Of the events of the last `days` days, the channels and routes of which some `failed`, or are `retried` after
    two errors. The newest first, each with the id and the reason of its newest one.

    What an operator has acknowledged is left out.
    """
    with snapshot(engine) as connection:
        found = [each for each in read_days(connection) if each.may_hold(("failed", "pending"))][-days - 1 :]
        statement = within_days(_FAILING, joined(found))
        return [dict(row) for row in connection.execute(statement, {"tries": _LEAST_TRIES}).mappings()]
