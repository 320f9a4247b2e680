-- Acknowledge the open records that came into quarantine up to :until. Returns how many.
-- In order of the ids, so that this does not end in a deadlock with a replay or a rewind of the same records.
WITH wanted AS (
  SELECT id FROM quarantine
  WHERE replayed_at IS NULL AND acknowledged_at IS NULL AND quarantined_at <= :until
  ORDER BY id FOR UPDATE
), done AS (
  UPDATE quarantine SET acknowledged_at = now() WHERE id IN (SELECT id FROM wanted) RETURNING 1
)
SELECT count(*) FROM done
