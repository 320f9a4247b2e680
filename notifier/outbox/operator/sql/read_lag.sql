-- Open shards of the streams that are still read, without those that wait for their parent: how many there are, how
-- many no bridge reads, and the largest lag in seconds.
SELECT count(*) AS shards, count(*) FILTER (WHERE s.lease_until IS NULL OR s.lease_until < now()) AS unread,
       coalesce(max({lag_seconds}), 0)::float8 AS seconds
FROM shards s
WHERE s.state = 'open' AND s.stream_id NOT IN (SELECT id FROM streams WHERE let_go_at IS NOT NULL)
  AND NOT EXISTS (
    SELECT FROM shards parent
    WHERE parent.stream_id = s.stream_id AND parent.shard_id = s.parent_shard_id AND parent.state = 'open'
  )
