-- Fragment: a step of the deliveries of certain ids.
SELECT {delivery}, ({delivery_matches}) AS fits FROM deliveries d
WHERE d.notification_id = ANY(CAST(:candidates AS uuid[])) AND in_days(d.notification_id)
