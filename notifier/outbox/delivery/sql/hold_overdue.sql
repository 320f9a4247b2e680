-- Keep the unknown outcomes :ids for an operator: they have no deadline any more. Their status stays unknown, and the
-- product is told that they are held. Their deliveries are locked already (lock_unknown.sql).
WITH held AS (
  UPDATE due SET kind = 'held' WHERE notification_id = ANY(CAST(:ids AS uuid[])) RETURNING notification_id
), changed AS (
  UPDATE deliveries d SET updates = coalesce(d.updates, 0) + 1
  FROM held
  WHERE d.notification_id = held.notification_id AND in_days(d.notification_id)
    AND (held.notification_id IS NULL OR {wants_update 'held'})
  RETURNING d.notification_id, d.updates, d.attempt, d.reason
)
{insert_update SELECT notification_id, updates, 'held', attempt, reason FROM changed}
