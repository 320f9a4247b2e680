-- Unknown → pending on another channel: the answer to the attempt of :token came after its lease had ended, and says
-- that the provider did not accept. Parameters: also those of fall_back.sql. Returns the ids that changed.
{fall_back d.status = 'unknown' AND d.token = :token}
SELECT notification_id FROM changed
