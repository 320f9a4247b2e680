-- The statuses of the deliveries :ids.
SELECT notification_id, status FROM deliveries
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id)
