-- Those of the deliveries :ids that have gone on from the :channel to another one. Locks and changes nothing.
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND NOT {is_ours}
