-- The deliveries :ids, leaders and members, locked in the order of their ids, with their leader, their status, and
-- whether they may have been sent before: {is_told}.
SELECT d.notification_id, d.leader, CAST(d.status AS text),
  {is_told} AS told
FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id)
ORDER BY d.notification_id FOR NO KEY UPDATE OF d
