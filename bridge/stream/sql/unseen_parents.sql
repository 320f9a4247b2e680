-- Fragment: those of :parents, which children in a listing of the stream :arn name, that were :created (Unix seconds)
-- after the stream was found and have no row: no listing had them.
FROM streams st, unnest(CAST(:parents AS text[]), CAST(:created AS float8[])) AS parent (id, created)
WHERE st.arn = :arn AND to_timestamp(parent.created) > greatest(st.discovered_at, st.forgotten_until)
  AND NOT EXISTS (SELECT FROM shards WHERE stream_id = st.id AND shard_id = parent.id)
