-- The bridges that hold the lease of an open shard of the :table.
SELECT DISTINCT s.owner FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE st.table_name = :table AND s.state = 'open' AND s.lease_until > now() ORDER BY s.owner
