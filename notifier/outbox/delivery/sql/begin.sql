-- Begin attempts: pending → sending under :token, or pending → suppressed if the recipient is suppressed.
-- Parameters: those of suppress.sql, and the :lease in seconds.
-- Repeating it with the same token is safe: if the answer to the commit was lost, the call finds what it has begun,
-- and it may begin more. The claim then covers all rows of the token, with a new lease.
-- A notification that was lost and recorded again may have been accepted before, so nothing is begun for it while an
-- event that names it waits to be settled (take_unmatched.sql).
-- `wanted.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
-- Returns the id, the number of the attempt, and true if it may be sent, false if it is suppressed.
{suppress}
, named AS MATERIALIZED (  -- ids that a waiting event names; inlined, it would be searched once for each row
  SELECT u.notification_id AS id FROM unmatched_feedback u
  WHERE u.notification_id = ANY(CAST(:ids AS uuid[])) AND u.look_at IS NOT NULL
), begun AS (  -- a second call with the same token finds them `sending`
  UPDATE deliveries d SET
    status = 'sending', token = :token, attempt = d.attempt + (d.status = 'pending')::int,
    recipient = wanted.address, begun_at = now(), ended_at = NULL, next_attempt_at = NULL,
    template = wanted.template, configuration_set = wanted.configuration_set,
    further_recipients = {further_recipients}
  FROM wanted
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id)
    AND (wanted.id IS NULL
         OR {is_due} AND {is_ours} AND {channel_runs} AND NOT EXISTS (SELECT FROM barred WHERE barred.id = wanted.id)
         AND NOT EXISTS (SELECT FROM named WHERE named.id = wanted.id)
         OR d.status = 'sending' AND d.token = :token)
  RETURNING d.notification_id, d.attempt
), claim AS (
  INSERT INTO claims (token, channel, worker, notification_ids, lease_until)
  SELECT :token, :channel, :worker, array_agg(notification_id), now() + make_interval(secs => :lease)
  FROM begun HAVING count(*) > 0
  ON CONFLICT (token) DO UPDATE SET
    notification_ids = ARRAY(SELECT unnest(claims.notification_ids) UNION SELECT unnest(excluded.notification_ids)),
    lease_until = excluded.lease_until
)
SELECT notification_id, attempt, true FROM begun
UNION ALL SELECT notification_id, attempt, false FROM suppressed
