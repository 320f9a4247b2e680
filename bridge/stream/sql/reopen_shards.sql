-- Open those of :shard_ids again that are listed although they were marked lost. From: lost shards of the stream :arn,
-- unless an operator let the stream go: those stay lost.
UPDATE shards SET state = 'open', finished_at = NULL
FROM streams st
WHERE st.id = shards.stream_id AND st.arn = :arn AND st.let_go_at IS NULL
  AND state = 'lost' AND shard_id = ANY(CAST(:shard_ids AS text[]))
