-- Those of :ids that have one of {statuses}, with their leader, locked; not those that another process has locked.
SELECT notification_id, leader FROM deliveries d
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id) AND status IN ({statuses})
ORDER BY notification_id FOR NO KEY UPDATE SKIP LOCKED
