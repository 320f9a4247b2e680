-- The newest suppressions of an :address, at most :limit, of a :channel ('': of all).
SELECT channel, address, topic, reason, actor, note, since, notification_id FROM suppressions
WHERE (:channel = '' OR channel = :channel) AND address = :address
ORDER BY since DESC LIMIT :limit
