-- Fragment: a step of deliveries.
SELECT {delivery}, ({delivery_matches}) AS fits FROM deliveries d
WHERE d.notification_id >= :first AND d.notification_id < :end AND in_days(d.notification_id)
ORDER BY d.notification_id {direction} LIMIT :step
