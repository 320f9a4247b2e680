-- Move a shard to :state, finished or lost, and end its lease. From: open, held by :owner under :epoch, with everything
-- up to :checkpoint recorded and nothing after it.
UPDATE shards SET state = :state, finished_at = now(), owner = NULL, lease_until = NULL
WHERE id = :shard AND owner = :owner AND epoch = :epoch AND state = 'open'
  AND checkpoint IS NOT DISTINCT FROM :checkpoint
