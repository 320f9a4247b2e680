-- Lock the first :limit deliveries that are selected, without those that may have been accepted unless :maybe_sent is
-- true. Parameters: also those of selected.sql.
SELECT d.notification_id, n.channel
{selected}
  AND (:maybe_sent OR NOT {given_up_unknown})
ORDER BY d.notification_id LIMIT :limit FOR UPDATE OF d
