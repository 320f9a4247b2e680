-- Whether there is a shard of :table and :shard (empty: any).
SELECT EXISTS (
  SELECT FROM shards s JOIN streams st ON st.id = s.stream_id
  WHERE (:table = '' OR st.table_name = :table) AND (:shard = '' OR s.shard_id = :shard)
)
