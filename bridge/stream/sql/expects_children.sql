-- Whether a shard of :tables has ended in the last :seconds seconds and has no child yet.
SELECT EXISTS (
  SELECT FROM shards s JOIN streams st ON st.id = s.stream_id
  WHERE st.table_name = ANY(CAST(:tables AS text[])) AND s.state <> 'open'
    AND s.finished_at > now() - make_interval(secs => :seconds)
    AND NOT EXISTS (
      SELECT FROM shards child WHERE child.stream_id = s.stream_id AND child.parent_shard_id = s.shard_id
    )
)
