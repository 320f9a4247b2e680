-- The newest stream of a :table, if one of its shards ended more than :patience seconds ago and has no child.
SELECT newest.arn {childless_shards} AND newest.table_name = :table
  AND s.finished_at < now() - make_interval(secs => :patience) LIMIT 1
