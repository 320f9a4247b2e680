-- How many deliveries of one :channel from the id :first on and before :end are not shadowed, by status; '' as :route
-- is any.
SELECT d.status, count(*) AS deliveries
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.status <> 'shadowed' AND d.notification_id >= :first AND d.notification_id < :end
  AND n.notification_id >= :first AND n.notification_id < :end
  AND in_days(d.notification_id) AND in_days(n.notification_id)
  AND n.channel = :channel AND (:route = '' OR n.route = :route)
GROUP BY d.status
