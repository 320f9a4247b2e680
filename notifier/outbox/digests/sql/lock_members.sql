-- The deliveries :ids, leaders and members, locked in the order of their ids, with their leader, their status, and
-- whether they may have been sent before: {may_be_sent}.
SELECT d.notification_id, d.leader, CAST(d.status AS text),
  {may_be_sent} AS may_be_sent
FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id)
ORDER BY d.notification_id FOR NO KEY UPDATE OF d
