"""The end of a claim: attempts whose worker gave no answer in time. What the relay writes."""

from uuid import UUID

from sqlalchemy import Engine, text

from notifier.notifications import Status
from notifier.outbox.attempts import UNKNOWN_AFTER_SECONDS
from notifier.outbox.days import within
from notifier.outbox.results import conclude

_ENDED = text("""
SELECT token, notification_ids FROM claims
WHERE lease_until < now() ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED
""")

# A statement of its own: the days of the ids must be known before it is planned.
_EXPIRE = text("""
WITH ended AS (
  DELETE FROM claims WHERE token = ANY(CAST(:tokens AS uuid[])) AND lease_until < now()
  RETURNING token, channel, worker, notification_ids
), lost AS (
  UPDATE deliveries d SET
    status = CASE WHEN d.provider_message_id IS NULL THEN 'unknown'::delivery_status ELSE 'sent' END,
    ended_at = now(), reason = 'its worker gave no answer within the lease'
  FROM ended, unnest(ended.notification_ids) AS claimed (id)
  WHERE d.notification_id = claimed.id AND in_days(d.notification_id) AND d.token = ended.token
    AND (claimed.id IS NULL OR d.status = 'sending')
  RETURNING d.notification_id, d.status, d.attempt, d.begun_at, d.reason, ended.channel, ended.worker
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


def expire(engine: Engine, limit: int = 100, unknown_after: float = UNKNOWN_AFTER_SECONDS) -> list[UUID]:
    """Sending → unknown, for attempts whose lease has ended: never back to pending. Answers their ids.

    What an event proved to be accepted is sent, or what other events tell of it.
    """
    with engine.begin() as connection:
        if not (ended := connection.execute(_ENDED, {"limit": limit}).all()):
            return []
        statement = within(_EXPIRE, [id_ for _, ids in ended for id_ in ids])
        values = {"tokens": [token for token, _ in ended], "unknown_after": unknown_after}
        lost = connection.execute(statement, values).all()
        if accepted_before := [id_ for id_, status in lost if status == Status.SENT]:
            conclude(connection, accepted_before)
        return [id_ for id_, _ in lost]
