-- Open gaps, the oldest first.
SELECT g.id, s.shard_id, g.reason, g.after_sequence_number, g.after_record_at, g.detected_at
FROM gaps g JOIN shards s ON s.id = g.shard WHERE g.acknowledged_at IS NULL ORDER BY g.id
