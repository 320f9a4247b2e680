-- Take up to :limit free shards, oldest first, for :owner, which reads :tables, until :ttl seconds from now.
-- From: open shards of streams that were not let go, without a lease or with one that has ended. Shards of :owner that
-- are not among :held are free too: they could not be given back, or the answer to their taking was lost.
--
-- A child waits until its parent is no longer open. A parent without a row was trimmed before it was listed: its child
-- need not wait. A stream waits for the older streams of its table, whose ARNs differ in the time at their end only.
-- An operator may let a stream go: it is not read any more, and nothing waits for it.
-- Shards of other tables are not taken, stolen, counted or prolonged: :owner may have no route for them.
--
-- Returns a row for each shard that was taken, or one of NULLs if there is none. In each, `passed_over` says whether
-- there is a shard that was not taken though its lease ended more than :ttl seconds ago. Its row may be locked.
WITH taken AS (
  UPDATE shards s SET owner = :owner, epoch = s.epoch + 1, lease_until = now() + make_interval(secs => :ttl)
  FROM streams st
  WHERE st.id = s.stream_id AND s.id IN (
    SELECT free.id FROM shards free JOIN streams its ON its.id = free.stream_id
    WHERE free.state = 'open' AND its.let_go_at IS NULL AND its.table_name = ANY(CAST(:tables AS text[]))
      AND (free.lease_until IS NULL OR free.lease_until < now()
           OR free.owner = :owner AND free.id <> ALL(CAST(:held AS int[])))
      AND NOT EXISTS (
        SELECT FROM shards parent
        WHERE parent.stream_id = free.stream_id AND parent.shard_id = free.parent_shard_id AND parent.state = 'open'
      )
      AND NOT EXISTS (
        SELECT FROM shards older JOIN streams before ON before.id = older.stream_id
        WHERE older.state = 'open' AND before.let_go_at IS NULL AND before.arn < its.arn COLLATE "C"
          AND split_part(before.arn, '/stream/', 1) = split_part(its.arn, '/stream/', 1)
      )
    ORDER BY free.shard_id LIMIT :limit FOR UPDATE OF free SKIP LOCKED
  )
  RETURNING {lease_columns}
)
SELECT taken.*, EXISTS (
  SELECT FROM shards late JOIN streams its ON its.id = late.stream_id
  WHERE late.state = 'open' AND its.let_go_at IS NULL AND its.table_name = ANY(CAST(:tables AS text[]))
    AND late.lease_until < now() - make_interval(secs => :ttl) AND late.id NOT IN (SELECT id FROM taken)
) AS passed_over
FROM (VALUES (1)) AS always LEFT JOIN taken ON true
