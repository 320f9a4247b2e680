-- Deliveries by channel and status, of days that are not counted.
SELECT n.channel, d.status, count(*) AS deliveries, min(n.recorded_at) AS oldest
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE in_days(d.notification_id) AND in_days(n.notification_id)
GROUP BY n.channel, d.status
