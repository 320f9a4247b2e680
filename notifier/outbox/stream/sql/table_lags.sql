-- For each table: its open shards that can be read, how many of them no bridge holds, and the largest lag in seconds.
-- A shard can be read once its parent is read to its end.
SELECT st.table_name AS "table", count(*)::int AS shards,
       count(*) FILTER (WHERE s.lease_until IS NULL OR s.lease_until < now())::int AS unread,
       max({lag_seconds})::float8 AS seconds
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.state = 'open' AND st.let_go_at IS NULL AND NOT EXISTS (
  SELECT FROM shards parent
  WHERE parent.stream_id = s.stream_id AND parent.shard_id = s.parent_shard_id AND parent.state = 'open'
)
GROUP BY st.table_name ORDER BY st.table_name
