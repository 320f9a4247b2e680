-- Keep a gap after the checkpoint of :shard, for :reason, if :owner holds the shard under :epoch.
-- Without :surely, only if the shard was not read to its tip in the last 23 hours: DynamoDB trims
-- records after 24 hours, so that otherwise nothing older is left to lose, although the record at the checkpoint may be
-- trimmed. A gap with the same reason and checkpoint is not kept twice: the answer to the first commit may be lost.
INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at)
SELECT s.id, :reason, s.checkpoint, s.last_record_at FROM shards s
WHERE s.id = :shard AND s.owner = :owner AND s.epoch = :epoch
  AND (:surely OR {read_until} < now() - make_interval(hours => 23))
  AND NOT EXISTS (
    SELECT FROM gaps known
    WHERE known.shard = s.id AND known.reason = :reason
      AND known.after_sequence_number IS NOT DISTINCT FROM s.checkpoint
  )
