-- :routed records of a :shard became notifications, and :released ones left quarantine: move them between the shard's
-- counters. What is routed now was counted as unrouted, or as quarantined. Should a record not have been counted at
-- all, it counts as read now, so that no counter becomes negative. :further notifications were made of records that have
-- one already.
-- Metrics that only grow add what left a counter, as they do for shards that were deleted: `forgotten_counts`.
WITH left_columns AS (
  INSERT INTO forgotten_counts AS f (name, count)
  SELECT name, count
  FROM (VALUES ('records_quarantined', CAST(:released AS bigint)), ('records_unrouted', CAST(:routed AS bigint)))
    AS moved (name, count)
  WHERE count > 0
  ON CONFLICT (name, channel) DO UPDATE SET count = f.count + excluded.count
)
UPDATE shards SET
  records_read = records_read + greatest(0, CAST(:routed AS int) - CAST(:released AS int) - records_unrouted),
  records_notified = records_notified + :routed,
  records_unrouted = greatest(0, records_unrouted + CAST(:released AS int) - CAST(:routed AS int)),
  records_quarantined = records_quarantined - :released,
  further_notifications = further_notifications + :further
WHERE id = :shard
