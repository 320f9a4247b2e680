-- Acknowledge the open records that came into quarantine up to :until. Returns how many.
WITH done AS (
  UPDATE quarantine SET acknowledged_at = now()
  WHERE replayed_at IS NULL AND acknowledged_at IS NULL AND quarantined_at <= :until RETURNING 1
)
SELECT count(*) FROM done
