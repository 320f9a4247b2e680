-- Fragment: FROM and WHERE for the shards `s` that a rewind of :table, :shard (empty: all) and :since (null: all that
-- the stream still has) is for, with their records `q` in quarantine.
-- A stream keeps records for 24 hours. A shard of which no record was read needs no rewind; one of which every record
-- became a notification may need it, because a route claims them beside their owner now. A lost shard cannot be read:
-- DynamoDB does not have it any more, or an operator let it go.
FROM shards s JOIN streams st ON st.id = s.stream_id CROSS JOIN LATERAL (
  SELECT count(*) AS records FROM quarantine WHERE shard = s.id AND replayed_at IS NULL
) q
WHERE (:table = '' OR st.table_name = :table) AND (:shard = '' OR s.shard_id = :shard)
  AND s.state <> 'lost' AND s.checkpoint IS NOT NULL AND (s.records_read > 0 OR q.records > 0)
  AND coalesce(s.last_record_at, s.finished_at, now()) > now() - make_interval(hours => 25)
  AND (CAST(:since AS timestamptz) IS NULL OR s.last_record_at IS NULL
       OR s.last_record_at >= date_trunc('second', CAST(:since AS timestamptz)))
