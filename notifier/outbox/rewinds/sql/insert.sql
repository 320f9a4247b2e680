-- A rewind of each selected shard, up to its checkpoint. Where it replaces another one, shards :replaced that went back
-- to the times :sinces, it goes back to the earlier of the two times and does what was left of that one, too.
-- Parameters: :actor, :reason, :replaced, :sinces, and those of {rewindable_shards}. Returns the ids.
INSERT INTO rewinds (shard, since, until, actor, reason)
SELECT s.id,
       CASE WHEN old.shard IS NULL THEN CAST(:since AS timestamptz)
            WHEN old.since IS NOT NULL THEN CASE WHEN CAST(:since AS timestamptz) IS NOT NULL
                                                 THEN least(old.since, CAST(:since AS timestamptz)) END END,
       s.checkpoint, :actor, :reason
FROM (SELECT s.id, s.checkpoint {rewindable_shards}) s
LEFT JOIN unnest(CAST(:replaced AS int[]), CAST(:sinces AS timestamptz[])) AS old (shard, since) ON old.shard = s.id
RETURNING id
