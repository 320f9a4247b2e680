-- Those of :ids that are pending, locked; not those that another process has locked.
SELECT notification_id FROM deliveries d
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id) AND status = 'pending'
ORDER BY notification_id FOR NO KEY UPDATE SKIP LOCKED
