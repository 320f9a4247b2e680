-- For each table whose shards a bridge listed or tried to list within :recent seconds: seconds since all of them were
-- listed, ended shards without a child and the seconds since the earliest such end, whether a shard is open, the error
-- of the last try, and the seconds since the first and since the last request.
WITH childless AS (
  SELECT newest.table_name, count(*) AS shards, max(extract(epoch FROM now() - s.finished_at)) AS seconds
  {childless_shards} GROUP BY newest.table_name
)
SELECT known.table_name, extract(epoch FROM now() - coalesce(known.listed_at, known.first_asked_at))::float8,
       coalesce(childless.shards, 0)::int, coalesce(childless.seconds, 0)::float8,
       EXISTS (
         SELECT FROM streams st JOIN shards s ON s.stream_id = st.id
         WHERE st.table_name = known.table_name AND s.state = 'open'
       ), known.error,
       extract(epoch FROM now() - known.first_asked_at)::float8, extract(epoch FROM now() - known.asked_at)::float8
FROM table_listings known LEFT JOIN childless
  ON childless.table_name = known.table_name AND known.stream_on IS NOT FALSE
WHERE known.asked_at > now() - make_interval(secs => :recent) ORDER BY known.table_name
