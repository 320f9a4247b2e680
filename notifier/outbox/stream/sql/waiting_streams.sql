-- Pairs of a stream and an older stream of the same table that is not read to its end. Bridges read the newer one only
-- after the older one: bridge/stream/sql/acquire.sql has the same condition.
SELECT its.table_name AS "table", its.arn AS stream, before.arn AS waits_for,
       extract(epoch FROM now() - its.discovered_at)::float8 AS seconds
FROM streams its JOIN streams before
  ON before.arn < its.arn COLLATE "C"
 AND split_part(before.arn, '/stream/', 1) = split_part(its.arn, '/stream/', 1)
WHERE its.let_go_at IS NULL AND before.let_go_at IS NULL
  AND EXISTS (SELECT FROM shards WHERE stream_id = its.id AND state = 'open')
  AND EXISTS (SELECT FROM shards WHERE stream_id = before.id AND state = 'open')
ORDER BY its.table_name, its.arn, before.arn
