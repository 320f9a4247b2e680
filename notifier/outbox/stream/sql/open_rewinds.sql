-- For each table with rewinds that have not ended: how many, whether a bridge holds the lease of one, and the seconds
-- since the first was requested.
SELECT st.table_name AS "table", count(*)::int AS shards, coalesce(bool_or(r.lease_until > now()), false) AS busy,
       extract(epoch FROM now() - min(r.asked_at))::float8 AS seconds
FROM rewinds r JOIN shards s ON s.id = r.shard JOIN streams st ON st.id = s.stream_id
WHERE r.ended_at IS NULL GROUP BY st.table_name ORDER BY st.table_name
