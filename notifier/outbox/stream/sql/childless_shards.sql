-- Fragment: FROM and WHERE for shards `s` of each table's `newest` stream that ended and have no child. While a stream
-- is on, a shard that ends has a child; a shard of an older stream, or of one that was switched off, need not have
-- one. After 24 hours without a child there is a gap, which an operator acknowledges.
FROM (
  SELECT DISTINCT ON (table_name) id, arn, table_name, let_go_at FROM streams
  ORDER BY table_name, arn COLLATE "C" DESC
) newest JOIN shards s ON s.stream_id = newest.id AND newest.let_go_at IS NULL
WHERE s.state <> 'open' AND s.finished_at > now() - make_interval(hours => 48)
  AND NOT EXISTS (
    SELECT FROM shards child WHERE child.stream_id = s.stream_id AND child.parent_shard_id = s.shard_id
  )
  AND NOT EXISTS (SELECT FROM gaps WHERE gaps.shard = s.id AND gaps.acknowledged_at IS NOT NULL)
