-- The routes of those of the notifications :ids whose routes are among :routes.
SELECT notification_id, route FROM notifications
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id) AND route = ANY(:routes)
