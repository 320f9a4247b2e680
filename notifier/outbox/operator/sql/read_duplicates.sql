-- Open duplicates, the oldest first, at most :limit.
SELECT notification_id, message_id, detected_at FROM duplicates
WHERE acknowledged_at IS NULL ORDER BY detected_at LIMIT :limit
