-- The newest suppressions of a recipient, known by its :addresses, at most :limit, of a :channel ('': of all).
SELECT channel, address, topic, reason, actor, note, since, notification_id, {opted_out_beside} FROM suppressions
WHERE (:channel = '' OR channel = :channel) AND address = ANY(CAST(:addresses AS text[]))
ORDER BY since DESC LIMIT :limit
