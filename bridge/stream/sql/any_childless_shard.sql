-- Whether the stream :arn has a shard that was finished a day ago and has neither a child nor a gap. The condition is
-- childless_shards.sql.
SELECT EXISTS (SELECT {childless_shards})
