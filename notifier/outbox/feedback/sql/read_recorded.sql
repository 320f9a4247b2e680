-- Those of :ids that are recorded, with their channels.
SELECT n.notification_id, n.channel
FROM notifications n JOIN deliveries d ON d.notification_id = n.notification_id AND in_days(d.notification_id)
WHERE n.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(n.notification_id)
