-- The queues that have a publication to look at, from the due time :after on, with the earliest due time; and a last
-- row with null and the time.
-- A paused channel gets nothing, a parked one only when it may send a probe: its publications may have become due long
-- before :after, so while a channel is parked all are searched.
SELECT {queue} AS queue, min(p.due_at) FROM publications p LEFT JOIN channels c USING (channel)
WHERE p.due_at <= now()
  AND p.due_at >= CASE WHEN EXISTS (SELECT FROM channels WHERE state = 'parked') THEN '-infinity' ELSE :after END
  AND (c.state IS NULL OR c.state = 'running' OR c.state = 'parked' AND c.probe_at <= now())
GROUP BY p.channel, p.lane
UNION ALL SELECT NULL, now()
ORDER BY queue NULLS LAST
