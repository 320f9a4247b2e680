-- Pending → pending: the deliveries :ids of the :channel are not in the message of the leader that they waited for. They
-- are due now, and are collected anew.
WITH released AS (
  UPDATE deliveries d SET leader = NULL, next_attempt_at = now(), reason = 'came after the message of its digest'
  WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND d.status = 'pending'
  RETURNING d.notification_id
)
{insert_due SELECT notification_id, 'scheduled', :channel, now() FROM released}
