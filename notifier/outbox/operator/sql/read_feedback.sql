-- The provider's events on the notification :id, the oldest first.
SELECT * FROM feedback WHERE notification_id = :id AND in_days(notification_id) ORDER BY occurred_at, kind
