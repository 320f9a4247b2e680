-- The newest suppressions of a :channel ('': of all), at most :limit. The index on channel and time is read from its end
-- for each channel that there is: at most :limit rows of each are read, however many there are.
WITH RECURSIVE its (channel) AS (
  (SELECT channel FROM suppressions ORDER BY channel LIMIT 1)
  UNION ALL
  SELECT (SELECT s.channel FROM suppressions s WHERE s.channel > its.channel ORDER BY s.channel LIMIT 1)
  FROM its WHERE its.channel IS NOT NULL
)
SELECT newest.* FROM its CROSS JOIN LATERAL (
  SELECT channel, address, topic, reason, actor, note, since, notification_id, {opted_out_beside} FROM suppressions s
  WHERE s.channel = its.channel ORDER BY s.since DESC LIMIT :limit
) AS newest
WHERE :channel = '' OR its.channel = :channel ORDER BY since DESC LIMIT :limit
