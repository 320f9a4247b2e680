-- Of those of :ids that wait for the message of a digest, the leader whose message it is.
SELECT notification_id, leader FROM deliveries
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id)
  AND status = 'pending' AND leader <> notification_id
