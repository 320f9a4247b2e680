-- Lock the deliveries of :ids that are not accepted yet, or that name no message. Most deliveries are `sent` when
-- their events arrive: these are not locked.
-- In order of the ids, so that two transactions with the same ids do not end in a deadlock. Not a part of accept.sql,
-- which must see what the transactions that held these rows have written.
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id)
  AND (d.status NOT IN ('sent', 'delivered', 'bounced', 'complained') OR d.provider_message_id IS NULL)
ORDER BY d.notification_id FOR UPDATE
