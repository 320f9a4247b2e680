-- Pending → skipped, expired, failed, or pending again after a delay: no request was sent. Parameters: those of
-- change.sql. Returns the ids that changed, and whether each had been accepted before.
{change {is_due} AND {is_ours}}
SELECT notification_id, provider_message_id IS DISTINCT FROM message_id FROM changed
