-- Those of :ids that are merged, with their leader.
SELECT notification_id, leader FROM deliveries
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id) AND status = 'merged'
