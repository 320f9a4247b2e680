-- The suppressions that follow one in the order of their primary key, at most :limit.
SELECT channel, address, topic, reason, note, since, {opted_out_beside} FROM suppressions
WHERE (channel, address, topic) > (:channel, :address, :topic)
ORDER BY channel, address, topic LIMIT :limit
