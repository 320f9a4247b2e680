-- Prolong the leases of :owner on :shards under :epochs until :ttl seconds from now, and keep since when each shard is
-- caught up: :caught_up seconds ago, NULL if unknown. From: open shards of :tables that :owner still holds in that epoch.
-- Returns the shards whose leases were prolonged.
UPDATE shards SET
  lease_until = now() + make_interval(secs => :ttl),
  caught_up_at = greatest(caught_up_at, now() - make_interval(secs => held.caught_up))
FROM unnest(CAST(:shards AS int[]), CAST(:epochs AS bigint[]), CAST(:caught_up AS float8[]))
     AS held (id, epoch, caught_up), streams st
WHERE st.id = shards.stream_id AND st.table_name = ANY(CAST(:tables AS text[]))
  AND shards.id = held.id AND shards.epoch = held.epoch AND owner = :owner AND state = 'open'
RETURNING shards.id
