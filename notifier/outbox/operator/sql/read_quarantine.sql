-- Open records in quarantine, the newest first, at most :limit.
SELECT q.id, s.shard_id, q.sequence_number, q.error, q.quarantined_at
FROM quarantine q JOIN shards s ON s.id = q.shard
WHERE q.replayed_at IS NULL AND q.acknowledged_at IS NULL ORDER BY q.id DESC LIMIT :limit
