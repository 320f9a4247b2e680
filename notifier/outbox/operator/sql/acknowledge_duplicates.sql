-- Acknowledge the open duplicates that were found up to :until. Returns how many.
WITH done AS (
  UPDATE duplicates SET acknowledged_at = now() WHERE acknowledged_at IS NULL AND detected_at <= :until RETURNING 1
)
SELECT count(*) FROM done
