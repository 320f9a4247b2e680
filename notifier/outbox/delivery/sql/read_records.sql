-- The records of the notifications :ids.
SELECT notification_id, record FROM notifications
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id)
