-- Fragment: a step of notifications, for a search by what only they have.
SELECT n.notification_id, n.channel, n.route, n.table_name, n.recorded_at, ({notification_matches}) AS fits
FROM notifications n
WHERE n.notification_id >= :first AND n.notification_id < :end AND in_days(n.notification_id)
ORDER BY n.notification_id {direction} LIMIT :step
