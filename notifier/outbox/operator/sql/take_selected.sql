-- Lock the first :limit deliveries that are selected, without those that may have been accepted unless :maybe_sent is
-- true. Parameters: also those of selected.sql. The channel is that of a change to pending: what is final and went on to
-- another channel begins at its first one again. What goes on meanwhile has its channel in the row that is locked.
SELECT d.notification_id,
       coalesce(CASE WHEN d.status IN ('failed', 'shadowed') THEN d.first_channel ELSE d.channel END, n.channel)
{selected}
  AND (:maybe_sent OR NOT {given_up_unknown})
ORDER BY d.notification_id LIMIT :limit FOR UPDATE OF d
