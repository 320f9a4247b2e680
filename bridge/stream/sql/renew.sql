-- Prolong the leases of :owner on :shards under :epochs until :ttl seconds from now, and keep since when each shard is
-- caught up: :caught_up seconds ago, NULL if unknown. From: open shards of :tables that :owner still holds in that epoch.
-- Returns these shards, and whether each lease was prolonged. {or_skip} says what happens to a shard whose row is
-- locked: with SKIP LOCKED its lease is not prolonged, and it is returned while the lease has not ended.
WITH held AS (
  SELECT * FROM unnest(CAST(:shards AS int[]), CAST(:epochs AS bigint[]), CAST(:caught_up AS float8[]))
    AS held (id, epoch, caught_up)
), free AS (
  SELECT s.id, held.caught_up FROM held JOIN shards s ON s.id = held.id JOIN streams st ON st.id = s.stream_id
  WHERE st.table_name = ANY(CAST(:tables AS text[])) AND s.epoch = held.epoch AND s.owner = :owner AND s.state = 'open'
  FOR NO KEY UPDATE OF s {or_skip}
), renewed AS (
  UPDATE shards SET
    lease_until = now() + make_interval(secs => :ttl),
    caught_up_at = greatest(caught_up_at, now() - make_interval(secs => free.caught_up))
  FROM free WHERE shards.id = free.id
  RETURNING shards.id
)
SELECT id, true AS renewed FROM renewed
UNION ALL
SELECT s.id, false FROM held JOIN shards s ON s.id = held.id JOIN streams st ON st.id = s.stream_id
WHERE st.table_name = ANY(CAST(:tables AS text[])) AND s.epoch = held.epoch AND s.owner = :owner AND s.state = 'open'
  AND s.lease_until > now() AND s.id NOT IN (SELECT id FROM renewed)
