-- Sending → sent, failed, unknown, or pending again after a delay, for the attempts of :token; deletes the claim. With
-- {unless_accepted} and {if_all_changed}, what had been accepted before stays as it is, and keeps the claim.
-- Parameters: also those of change.sql. Returns the ids that changed, and whether each had been accepted before by
-- another message, or may have been on an earlier channel: events of that one may be stored.
{change d.status = 'sending' AND d.token = :token {unless_accepted}}
, released AS (DELETE FROM claims WHERE token = :token {if_all_changed})
SELECT notification_id, elsewhere OR provider_message_id IS DISTINCT FROM message_id FROM changed
