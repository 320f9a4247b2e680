-- All shards with their lease and their counters. The lag also grows for a shard that no bridge reads.
SELECT s.shard_id, s.parent_shard_id, st.table_name, s.state, s.epoch, s.checkpoint, s.last_record_at,
       CASE WHEN s.lease_until > now() THEN s.owner END AS owner,
       CASE WHEN s.state = 'open' THEN round({lag_seconds}, 1)::float END AS lag_seconds,
       s.records_read, s.records_notified, s.records_unrouted, s.records_quarantined
FROM shards s JOIN streams st ON st.id = s.stream_id ORDER BY st.table_name, st.id, s.shard_id
