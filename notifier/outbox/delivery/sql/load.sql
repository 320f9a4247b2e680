-- The notifications of :ids that are pending and due on the :channel, unless it is paused, or is parked and :probing is
-- false. Locks and changes nothing.
-- The record is empty if it has more than {large} bytes: LARGE in attempts.py. Postgres keeps the length of a bytea
-- in its header, so nothing is read for it. `suspects` has few rows or none: it is read once for all ids.
-- The last column is how many further events the message of a leader has that was tried before.
SELECT n.notification_id, n.route, n.table_name,
  CASE WHEN octet_length(n.record) <= {large} THEN n.record ELSE '' END,
  d.failures, extract(epoch FROM now())::float8, octet_length(n.record),
  n.notification_id IN (SELECT s.notification_id FROM suspects s), d.brought_forward,
  CASE WHEN d.attempt > 0 OR d.ended_at IS NOT NULL THEN coalesce(cardinality(d.members), 0) ELSE 0 END
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND in_days(n.notification_id)
  AND {is_due} AND {is_ours} AND {channel_runs}
