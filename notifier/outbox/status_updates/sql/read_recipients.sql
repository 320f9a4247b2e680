-- The recipients of the notifications :ids.
SELECT notification_id, recipient FROM deliveries
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id)
