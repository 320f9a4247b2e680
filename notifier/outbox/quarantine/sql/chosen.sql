-- Fragment: FROM and WHERE for the records in quarantine that an operator selects: the :ids, unless :any is true; ''
-- as :table, :shard or :because (a text that the error contains) selects all. Those that were replayed are left out,
-- and those that are acknowledged unless they are named or :acknowledged is true.
FROM quarantine q JOIN shards s ON s.id = q.shard JOIN streams st ON st.id = s.stream_id
WHERE q.replayed_at IS NULL AND (:acknowledged OR NOT :any OR q.acknowledged_at IS NULL)
  AND (:any OR q.id = ANY(CAST(:ids AS bigint[])))
  AND (:table = '' OR st.table_name = :table) AND (:shard = '' OR s.shard_id = :shard)
  AND (:because = '' OR strpos(q.error, :because) > 0)
