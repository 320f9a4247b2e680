-- Look at the unknown outcomes :ids again in so many :seconds each. :routeless is the seconds since a bridge that
-- lacks the route first found it overdue, null if that is not what it waits for.
UPDATE due SET
  due_at = now() + make_interval(secs => waiting.seconds),
  routeless_since = now() - make_interval(secs => waiting.routeless)
FROM unnest(CAST(:ids AS uuid[]), CAST(:seconds AS float8[]), CAST(:routeless AS float8[]))
     AS waiting (id, seconds, routeless)
WHERE notification_id = waiting.id
