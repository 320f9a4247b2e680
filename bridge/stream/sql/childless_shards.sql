-- Fragment: the shards of the stream :arn that were finished a day ago, and have neither a child nor a gap. While a
-- stream is on, each shard that ends has a child.
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE st.arn = :arn AND s.state = 'finished' AND s.finished_at < now() - make_interval(hours => 24)
  AND NOT EXISTS (SELECT FROM shards WHERE stream_id = st.id AND parent_shard_id = s.shard_id)
  AND NOT EXISTS (SELECT FROM gaps WHERE shard = s.id)
