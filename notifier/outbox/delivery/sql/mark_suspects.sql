-- Mark those of :ids that are pending and due: they are built alone from now on. Marked ones do not change.
-- In order of the ids, so that two workers that mark the same ones do not end in a deadlock.
INSERT INTO suspects (notification_id)
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND {is_due}
ORDER BY d.notification_id
ON CONFLICT (notification_id) DO NOTHING
