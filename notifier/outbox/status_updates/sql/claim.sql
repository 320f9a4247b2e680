-- Claim up to :limit updates of a :destination that are due: no other sender claims them for :lease seconds.
-- Of each notification only the first that waits, so that a destination gets them in order: the next one is claimed
-- once this one is accepted.
WITH chosen AS (
  SELECT u.notification_id, u.number FROM status_updates u
  WHERE u.destination = :destination AND u.due_at <= now() AND NOT EXISTS (
    SELECT FROM status_updates earlier
    WHERE earlier.notification_id = u.notification_id AND earlier.number < u.number
      AND earlier.destination IN ('', :destination)
  )
  ORDER BY u.due_at LIMIT :limit FOR UPDATE OF u SKIP LOCKED
)
UPDATE status_updates u SET due_at = now() + make_interval(secs => :lease)
FROM chosen
WHERE u.notification_id = chosen.notification_id AND u.number = chosen.number AND u.destination = :destination
RETURNING u.notification_id, u.number, u.status, u.attempt, u.reason, u.at, u.failures
