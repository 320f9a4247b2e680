-- The shards with their lease and their counters: those that are not finished, and the :finished that ended last (null:
-- all). The lag also grows for a shard that no bridge reads.
SELECT s.shard_id, s.parent_shard_id, st.table_name, s.state, s.epoch, s.checkpoint, s.last_record_at,
       CASE WHEN s.lease_until > now() THEN s.owner END AS owner,
       CASE WHEN s.state = 'open' THEN round({lag_seconds}, 1)::float END AS lag_seconds,
       s.records_read, s.records_notified, s.records_unrouted, s.records_quarantined,
       s.records_notified + s.further_notifications AS notifications
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.state <> 'finished' OR s.id = ANY (ARRAY(
  SELECT id FROM shards WHERE state = 'finished' ORDER BY finished_at DESC, id DESC LIMIT CAST(:finished AS int8)
))
ORDER BY st.table_name, st.id, s.shard_id
