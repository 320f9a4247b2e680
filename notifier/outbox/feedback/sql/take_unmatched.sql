-- Take up to :limit events without a notification that are due to be looked at. The next look is later each time, up
-- to a minute; there is none once no stream can bring the record, and then the recipient is deleted.
-- Committed before anything is settled, so that another process takes other events, and so that no lock on these rows
-- is held while deliveries are locked, which come first in every settlement.
WITH taken AS (
  SELECT message_id, kind, occurred_at FROM unmatched_feedback WHERE look_at <= now()
  ORDER BY look_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE unmatched_feedback u SET
  look_at = CASE WHEN {may_still_come}
                 THEN now() + least(interval '1 min', greatest(interval '1 s', now() - u.received_at)) END,
  recipient = CASE WHEN {may_still_come} THEN u.recipient END
FROM taken
WHERE u.message_id = taken.message_id AND u.kind = taken.kind AND u.occurred_at = taken.occurred_at
RETURNING u.kind, u.message_id, u.occurred_at, u.sent_at, u.notification_id, u.attempt, u.recipient, u.permanent,
  u.detail, u.topic, u.channel, u.configuration_set
