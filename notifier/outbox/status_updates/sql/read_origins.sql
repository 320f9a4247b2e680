-- What the documents of updates say of the notifications :ids.
SELECT notification_id, table_name, route, channel, record FROM notifications
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id)
