-- Sending → pending on another channel, for attempts of :token that are known not to have been accepted. Deletes the
-- claim if these are all of its deliveries: finish.sql ends the others. The recipients of the ids :gone are suppressed.
-- Parameters: also those of fall_back.sql. Returns the ids that changed.
{fall_back d.status = 'sending' AND d.token = :token}
, released AS (
  DELETE FROM claims WHERE token = :token AND notification_ids <@ ARRAY(SELECT notification_id FROM changed)
), suppressed AS (
  {suppress_gone}
)
SELECT notification_id FROM changed
