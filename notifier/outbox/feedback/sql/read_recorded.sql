-- Those of :ids that are recorded.
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id)
