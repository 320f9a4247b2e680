-- What finish.sql does, for changes of which some say that the recipient does not exist any more: that of the ids
-- :gone is suppressed in the same statement.
{change d.status = 'sending' AND d.token = :token {unless_accepted}}
, released AS (DELETE FROM claims WHERE token = :token {if_all_changed})
, suppressed AS (
  {suppress_gone}
)
SELECT notification_id, elsewhere OR provider_message_id IS DISTINCT FROM message_id FROM changed
