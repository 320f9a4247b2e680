-- The changes of status of the delivery :id, the oldest first.
SELECT * FROM delivery_events WHERE notification_id = :id AND in_days(notification_id) ORDER BY at
