-- Acknowledge the open gaps among :ids.
UPDATE gaps SET acknowledged_at = now() WHERE id = ANY(:ids) AND acknowledged_at IS NULL
