-- Insert a gap for each shard of the stream :arn that was finished a day ago and has neither a child nor a gap. The
-- condition is childless_shards.sql.
INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at)
SELECT s.id, 'it ended, and no child of it ever appeared', s.checkpoint, s.last_record_at {childless_shards}
