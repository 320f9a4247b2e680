-- Insert the shards of the stream :arn that are not known: :shard_ids, their :parents (NULL for none), and when they
-- were :created in Unix seconds (NULL if unknown).
-- Left out: all shards of a stream that was let go, and those that may have been forgotten: their rows were deleted at
-- the end of their time, and a listing may still show them.
INSERT INTO shards (stream_id, shard_id, parent_shard_id, discovered_at)
SELECT st.id, described.id, described.parent,
       least(now(), greatest(st.discovered_at, to_timestamp(described.created)))
FROM streams st, unnest(CAST(:shard_ids AS text[]), CAST(:parents AS text[]), CAST(:created AS float8[]))
                 AS described (id, parent, created)
WHERE arn = :arn AND let_go_at IS NULL
  AND NOT EXISTS (SELECT FROM shards WHERE stream_id = st.id AND shard_id = described.id)
  AND coalesce(to_timestamp(described.created) > st.forgotten_until, true)
ON CONFLICT (stream_id, shard_id) DO NOTHING
