-- Unknown → failed, or pending again after a delay: the answer to the attempt of :token arrived after its lease had
-- ended, and says that the provider did not accept. Parameters: also those of change.sql. Returns the ids that
-- changed, and whether each had been accepted before.
{change d.status = 'unknown' AND d.token = :token}
, settled AS (
  DELETE FROM due USING changed
  WHERE due.notification_id = changed.notification_id AND changed.status <> 'pending'
)
SELECT notification_id, provider_message_id IS DISTINCT FROM message_id FROM changed
