-- Shadowed deliveries of one :channel from the id :first on and before :end, at most :limit in the order of ids; '' as
-- :route is any. The subject is the detail of the change that shadowed it last.
SELECT d.notification_id, n.route, d.recipient, d.further_recipients, n.sequence_number, n.record,
  (SELECT e.detail FROM delivery_events e
   WHERE e.notification_id = d.notification_id AND in_days(e.notification_id) AND e.status_to = 'shadowed'
   ORDER BY e.at DESC LIMIT 1) AS subject
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.status = 'shadowed' AND d.notification_id >= :first AND d.notification_id < :end
  AND n.notification_id >= :first AND n.notification_id < :end
  AND in_days(d.notification_id) AND in_days(n.notification_id)
  AND n.channel = :channel AND (:route = '' OR n.route = :route)
ORDER BY d.notification_id LIMIT :limit
