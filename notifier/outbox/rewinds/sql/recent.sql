-- At most :limit rewinds: first those that have not ended, then the others; the newest first.
SELECT r.id, st.table_name AS "table", s.shard_id, r.since, r.until, r.position, r.examined, r.routed, r.released,
       coalesce(r.outcome, CASE WHEN r.lease_until > now() THEN 'reading' ELSE 'waiting' END) AS state,
       r.error, r.asked_at, r.ended_at, r.actor, r.reason
FROM rewinds r JOIN shards s ON s.id = r.shard JOIN streams st ON st.id = s.stream_id
ORDER BY r.ended_at IS NOT NULL, r.id DESC LIMIT :limit
