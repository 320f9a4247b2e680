-- Not ended -> replaced, for the rewinds of the selected shards. Parameters: those of {rewindable_shards}.
UPDATE rewinds SET ended_at = now(), outcome = 'replaced'
WHERE ended_at IS NULL AND shard IN (SELECT s.id {rewindable_shards})
RETURNING shard, since
