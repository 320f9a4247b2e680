-- Deliveries of an hour, or of a day, from the id :first on and before :end, the newest first, at most :limit. '' as
-- :status, :channel or :route selects all; :ids are selected unless :any is true.
SELECT d.notification_id, n.channel, n.route, d.status, d.attempt, d.failures, d.recipient, d.reason,
       n.recorded_at, d.next_attempt_at
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.notification_id >= :first AND d.notification_id < :end
  AND n.notification_id >= :first AND n.notification_id < :end
  AND in_days(d.notification_id) AND in_days(n.notification_id)
  AND (:status = '' OR d.status = CAST(nullif(:status, '') AS delivery_status))
  AND (:any OR d.notification_id = ANY(CAST(:ids AS uuid[])))
  AND (:channel = '' OR n.channel = :channel) AND (:route = '' OR n.route = :route)
ORDER BY d.notification_id DESC LIMIT :limit
