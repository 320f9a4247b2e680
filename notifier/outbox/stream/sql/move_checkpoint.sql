-- A page of a shard is recorded: set the checkpoint after it and add to the counters. Changes no row if the lease is
-- not held.
-- Parameters: :checkpoint, :last_record_at (creation of the last record, null if the page has none), :read, :notified,
-- :unrouted, :quarantined (records of the page), :further (its notifications after the first of a record), and those of
-- {lease_is_held}.
-- A record that says it was created in the future counts as created now: it would hide the shard's lag.
UPDATE shards SET
  checkpoint = :checkpoint,
  last_record_at = CASE WHEN CAST(:last_record_at AS timestamptz) > now() THEN now()
                        ELSE coalesce(:last_record_at, last_record_at) END,
  records_read = records_read + :read, records_notified = records_notified + :notified,
  records_unrouted = records_unrouted + :unrouted, records_quarantined = records_quarantined + :quarantined,
  further_notifications = further_notifications + :further
WHERE {lease_is_held}
