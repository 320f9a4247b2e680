-- Whether the last record of the :shard that was read is older than the 24 hours for which a stream keeps records.
SELECT coalesce(last_record_at, discovered_at) < now() - make_interval(hours => 24) FROM shards WHERE id = :shard
