-- Sending → sent, failed, unknown, or pending again after a delay, for the attempts of :token; deletes the claim.
-- Parameters: also those of change.sql. Returns the ids that changed, and whether each had been accepted before by
-- another message, or may have been on an earlier channel: events of that one may be stored.
{change d.status = 'sending' AND d.token = :token}
, released AS (DELETE FROM claims WHERE token = :token)
SELECT notification_id, elsewhere OR provider_message_id IS DISTINCT FROM message_id FROM changed
