-- Of which digests the deliveries :ids are, with what says whether they may still collect. In the order of the ids,
-- with {lock}.
SELECT notification_id, leader, members, CAST(status AS text) AS status, attempt, failures, next_attempt_at, {is_due} AS is_due
FROM deliveries d
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id)
ORDER BY notification_id {lock}
