-- Not ended -> cancelled, for the rewinds of :table and :shard (empty: all).
UPDATE rewinds SET ended_at = now(), outcome = 'cancelled'
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.id = rewinds.shard AND rewinds.ended_at IS NULL
  AND (:table = '' OR st.table_name = :table) AND (:shard = '' OR s.shard_id = :shard)
