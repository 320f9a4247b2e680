-- Whether :shard was not read for longer than DynamoDB keeps records, 24 hours. With a checkpoint only after 26 hours:
-- until then DynamoDB itself answers that the record after the checkpoint is trimmed.
SELECT {read_until} < now() - make_interval(hours => CASE WHEN s.checkpoint IS NULL THEN 24 ELSE 26 END)
FROM shards s WHERE s.id = :shard
