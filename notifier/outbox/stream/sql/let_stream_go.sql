-- Mark the stream :arn as let go. Changes no row unless a newer stream of the same table is known: letting the newest
-- one go would lose all events of the table.
UPDATE streams SET let_go_at = coalesce(let_go_at, now())
WHERE arn = :arn AND EXISTS (
  SELECT FROM streams newer
  WHERE newer.arn > streams.arn COLLATE "C"
    AND split_part(newer.arn, '/stream/', 1) = split_part(streams.arn, '/stream/', 1)
)
RETURNING id
