-- The record with the :id.
SELECT q.*, s.shard_id, st.arn, st.table_name
FROM quarantine q JOIN shards s ON s.id = q.shard JOIN streams st ON st.id = s.stream_id WHERE q.id = :id
