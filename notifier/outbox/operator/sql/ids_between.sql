-- Ids of notifications from :first to :last, at most :limit. Ids are ordered, so those with the same beginning are
-- next to each other.
SELECT notification_id FROM notifications
WHERE notification_id >= :first AND notification_id <= :last AND in_days(notification_id)
ORDER BY notification_id LIMIT :limit
