-- Take up to :limit shards of :tables for :owner, until :ttl seconds from now, from bridges that hold more than
-- :target of them: of each bridge only the surplus, and no shard that was moved in the last :rest seconds.
-- From: open shards under a lease of another bridge that has not ended.
--
-- All counts are of the tables of :owner. It steals only from a bridge that holds at least two shards more than itself,
-- as all that it holds is of its own tables. Each move makes the loads more even, so that bridges with different tables
-- cannot steal the same shards from each other for ever.
UPDATE shards s SET
  owner = :owner, epoch = s.epoch + 1, lease_until = now() + make_interval(secs => :ttl), moved_at = now()
FROM streams st
WHERE st.id = s.stream_id AND s.state = 'open' AND s.id IN (
  SELECT id FROM (
    SELECT h.id, row_number() OVER (PARTITION BY h.owner ORDER BY h.id DESC) AS number,
           count(*) OVER (PARTITION BY h.owner) - :target AS surplus, h.moved_at
    FROM shards h JOIN streams its ON its.id = h.stream_id
    WHERE h.state = 'open' AND h.lease_until >= now() AND h.owner <> :owner
      AND its.table_name = ANY(CAST(:tables AS text[]))
  ) AS held
  WHERE number <= surplus AND (moved_at IS NULL OR moved_at < now() - make_interval(secs => :rest))
  ORDER BY surplus DESC, id LIMIT :limit
)
RETURNING {lease_columns}
