-- Lease a rewind of one of the :tables to :owner for :ttl seconds: one that no other bridge holds, and whose pause
-- after an error is over. No row if there is none.
-- Rewinds are done one after another along the tree of shards, and an old stream before the one that followed it, so
-- that the changes of each item become notifications in their order.
UPDATE rewinds r SET owner = :owner, epoch = r.epoch + 1, lease_until = now() + make_interval(secs => :ttl)
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.id = r.shard AND r.id = (
  SELECT free.id FROM rewinds free JOIN shards its ON its.id = free.shard
  JOIN streams source ON source.id = its.stream_id
  WHERE free.ended_at IS NULL AND source.table_name = ANY(CAST(:tables AS text[]))
    AND (free.lease_until IS NULL OR free.lease_until < now() OR free.owner = :owner)
    AND (free.again_at IS NULL OR free.again_at <= now())
    AND NOT EXISTS (
      WITH RECURSIVE above AS (
        SELECT its.stream_id, its.parent_shard_id AS shard_id
        UNION
        SELECT parent.stream_id, parent.parent_shard_id
        FROM above JOIN shards parent ON parent.stream_id = above.stream_id AND parent.shard_id = above.shard_id
      )
      SELECT FROM above
      JOIN shards parent ON parent.stream_id = above.stream_id AND parent.shard_id = above.shard_id
      JOIN rewinds before ON before.shard = parent.id AND before.ended_at IS NULL
    )
    AND NOT EXISTS (
      SELECT FROM rewinds before JOIN shards older ON older.id = before.shard
      JOIN streams earlier ON earlier.id = older.stream_id
      WHERE before.ended_at IS NULL AND earlier.arn < source.arn COLLATE "C"
        AND split_part(earlier.arn, '/stream/', 1) = split_part(source.arn, '/stream/', 1)
    )
  ORDER BY source.arn, its.shard_id LIMIT 1 FOR UPDATE OF free SKIP LOCKED
)
RETURNING r.id, r.owner, r.epoch, s.id AS shard, s.shard_id, st.arn, st.table_name, r.since, r.until, r.position
