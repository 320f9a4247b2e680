-- The notifications of :ids that are pending and due, unless the :channel is paused, or is parked and :probing is
-- false. Locks and changes nothing.
-- The record is empty if it has more than {large} bytes: LARGE in attempts.py. Postgres keeps the length of a bytea
-- in its header, so nothing is read for it. `suspects` has few rows or none: it is read once for all ids.
SELECT n.notification_id, n.route, n.table_name,
  CASE WHEN octet_length(n.record) <= {large} THEN n.record ELSE '' END,
  d.failures, extract(epoch FROM now())::float8, octet_length(n.record),
  n.notification_id IN (SELECT s.notification_id FROM suspects s)
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND in_days(n.notification_id)
  AND {is_due} AND {channel_runs}
