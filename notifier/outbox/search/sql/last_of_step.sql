-- Fragment: the last row of a step of the table {argument}; none if it has fewer than :step.
SELECT notification_id FROM {argument}
WHERE notification_id >= :first AND notification_id < :end AND in_days(notification_id)
ORDER BY notification_id {direction} OFFSET CAST(:step AS int8) - 1 LIMIT 1
