-- Begin attempts: pending → sending under :token, or pending → suppressed if the recipient is suppressed.
-- Parameters: arrays of equal length with the :ids, the :addresses of the recipients as `suppressions` has them, the
-- :topics, and whether the message is :transactional (sent although the recipient has unsubscribed); :hashes of
-- addresses with the ids that they belong to in :hashed; the :channel; the name of the :worker; the :lease in seconds;
-- whether this attempt is :probing a parked channel.
-- Repeating it with the same token is safe: if the answer to the commit was lost, the call finds what it has begun,
-- and it may begin more. The claim then covers all rows of the token, with a new lease.
-- A notification that was lost and recorded again may have been accepted before, so nothing is begun for it while an
-- event that names it waits to be settled (take_unmatched.sql).
-- `wanted.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
-- Returns the id, the number of the attempt, and true if it may be sent, false if it is suppressed.
WITH wanted AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:addresses AS text[]), CAST(:topics AS text[]), CAST(:transactional AS bool[])
  ) AS wanted (id, address, topic, transactional)
), spelled AS (  -- the addresses, and the :hashes that stand for those of :hashed ids once a person is erased
  SELECT id, address, topic, transactional FROM wanted
  UNION ALL
  SELECT wanted.id, erased.hash, wanted.topic, wanted.transactional
  FROM unnest(CAST(:hashed AS uuid[]), CAST(:hashes AS text[])) AS erased (id, hash) JOIN wanted USING (id)
), barred AS (  -- suppressed recipients, with the gravest reason
  SELECT spelled.id, min(s.reason) AS reason
  FROM spelled JOIN suppressions s
    ON s.channel = :channel AND s.address = spelled.address AND s.topic IN ('', spelled.topic)
  WHERE NOT (spelled.transactional AND s.reason = 'unsubscribe')
  GROUP BY spelled.id
), told AS MATERIALIZED (  -- ids that a waiting event names; inlined, it would be searched once for each row
  SELECT u.notification_id AS id FROM unmatched_feedback u
  WHERE u.notification_id = ANY(CAST(:ids AS uuid[])) AND u.look_at IS NOT NULL
), suppressed AS (
  UPDATE deliveries d SET status = 'suppressed', recipient = wanted.address, ended_at = now(),
    next_attempt_at = NULL, reason = barred.reason, updates = {count_update 'suppressed'}
  FROM barred JOIN wanted USING (id)
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id) AND {channel_runs}
    AND (wanted.id IS NULL OR {is_due})
  RETURNING d.notification_id, d.attempt, d.reason, d.wanted_updates, d.updates
), event AS (
  {insert_event
    SELECT notification_id, 'pending', 'suppressed', attempt, :worker, reason, NULL, NULL FROM suppressed}
), reported AS (
  {insert_update
    SELECT notification_id, updates, 'suppressed', attempt, reason FROM suppressed WHERE {wants_update 'suppressed'}}
), begun AS (  -- a second call with the same token finds them `sending`
  UPDATE deliveries d SET
    status = 'sending', token = :token, attempt = d.attempt + (d.status = 'pending')::int,
    recipient = wanted.address, begun_at = now(), ended_at = NULL, next_attempt_at = NULL
  FROM wanted
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id)
    AND (wanted.id IS NULL
         OR {is_due} AND {channel_runs} AND NOT EXISTS (SELECT FROM barred WHERE barred.id = wanted.id)
         AND NOT EXISTS (SELECT FROM told WHERE told.id = wanted.id)
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
