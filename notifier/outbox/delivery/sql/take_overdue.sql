-- Take up to :limit unknown outcomes whose deadline has passed: they are due again in :look_again seconds. Committed
-- at once: no other bridge takes the same ones for that time, and no lock is kept.
UPDATE due SET due_at = now() + make_interval(secs => :look_again)
WHERE notification_id IN (
  SELECT notification_id FROM due WHERE kind = 'unknown' AND due_at <= now()
  ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING notification_id
