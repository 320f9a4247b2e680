-- Open -> lost, for the shards of the streams that meet the condition {streams}; each becomes a gap with this :reason.
-- The epoch moves on, so that a bridge that holds the lease of such a shard records nothing more of it.
WITH lost AS (
  UPDATE shards SET state = 'lost', finished_at = now(), owner = NULL, lease_until = NULL, epoch = epoch + 1
  WHERE state = 'open' AND stream_id IN (SELECT id FROM streams WHERE {streams})
  RETURNING id, checkpoint, last_record_at
)
INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at)
SELECT id, :reason, checkpoint, last_record_at FROM lost
