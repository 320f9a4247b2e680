"""The end of a claim: attempts whose worker gave no answer in time. What the relay writes."""

from uuid import UUID

from sqlalchemy import Engine, text

from notifier.notifications import Status
from notifier.outbox.days import within
from notifier.outbox.delivery.attempts import UNKNOWN_AFTER_SECONDS
from notifier.outbox.delivery.results import conclude
from notifier.outbox.publishing.due_scan import DueScan

_ENDED = text("""
SELECT now(), ended.token, ended.notification_ids FROM (VALUES (1)) AS always LEFT JOIN (
  SELECT token, notification_ids FROM claims
  WHERE lease_until < now() AND lease_until >= :after ORDER BY lease_until LIMIT :limit
) AS ended ON true
""")

# A statement of its own: the days of the ids must be known before it is planned.
# Deliveries first, then claims, then due rows, as in every other statement: a late finish of the same token would
# otherwise wait for this one, and this one for it. Of two at once the second finds nothing that is still sending.
_EXPIRE = text("""
WITH ended AS (
  SELECT token, channel, worker, notification_ids FROM claims
  WHERE token = ANY(CAST(:tokens AS uuid[])) AND lease_until < now()
), lost AS (
  UPDATE deliveries d SET
    status = CASE WHEN d.provider_message_id IS NULL THEN 'unknown'::delivery_status ELSE 'sent' END,
    ended_at = now(), reason = 'its worker gave no answer within the lease'
  FROM (
    SELECT ended.*, claimed.id FROM ended, unnest(ended.notification_ids) AS claimed (id) ORDER BY claimed.id
  ) AS ended
  WHERE d.notification_id = ended.id AND in_days(d.notification_id) AND d.token = ended.token
    AND (ended.id IS NULL OR d.status = 'sending')
  RETURNING d.notification_id, d.status, d.attempt, d.begun_at, d.reason, ended.channel, ended.worker
), released AS (
  DELETE FROM claims USING ended WHERE claims.token = ended.token AND claims.lease_until < now()
), attention AS (
  INSERT INTO due (notification_id, kind, channel, due_at)
  SELECT notification_id, 'unknown', channel, now() + make_interval(secs => :unknown_after)
  FROM lost WHERE status = 'unknown'
  ON CONFLICT (notification_id) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at
), event AS (
  INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason, detail, begun_at)
  SELECT notification_id, 'sending', status, attempt, 'relay', reason, 'worker ' || worker, begun_at FROM lost
)
SELECT notification_id, status FROM lost
""")


def end_leases(
    engine: Engine,
    limit: int = 100,
    unknown_after: float = UNKNOWN_AFTER_SECONDS,
    scan: DueScan | None = None,
) -> list[UUID]:
    """Sending → unknown, for attempts whose lease has ended: never back to pending. Answers their ids.

    What an event proved to be accepted is sent, or what other events tell of it. `scan` is that of the caller's
    looks at claims.
    """
    scan = scan or DueScan()
    with engine.begin() as connection:
        found = connection.execute(_ENDED, {"limit": limit, "after": scan.start()}).all()
        ended = [(token, ids) for _, token, ids in found if token]
        if not ended:
            scan.finished(found[0][0], None)
            return []
        statement = within(_EXPIRE, [id_ for _, ids in ended for id_ in ids])
        values = {"tokens": [token for token, _ in ended], "unknown_after": unknown_after}
        lost = connection.execute(statement, values).all()
        if accepted_before := [id_ for id_, status in lost if status == Status.SENT]:
            conclude(connection, accepted_before)
        return [id_ for id_, _ in lost]
