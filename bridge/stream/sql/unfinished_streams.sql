-- The streams of :table that have open shards.
SELECT DISTINCT st.arn FROM streams st JOIN shards s ON s.stream_id = st.id
WHERE st.table_name = :table AND s.state = 'open'
