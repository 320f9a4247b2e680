-- The newest suppressions, at most :limit; '' as :channel or :address selects all.
SELECT channel, address, topic, reason, actor, note, since, notification_id FROM suppressions
WHERE (:channel = '' OR channel = :channel) AND (:address = '' OR address = :address)
ORDER BY since DESC LIMIT :limit
