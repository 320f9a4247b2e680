-- A :destination accepts nothing, because of an :error. Cleared by the next acceptance.
INSERT INTO status_destinations AS known (destination, error, failed_at) VALUES (:destination, :error, now())
ON CONFLICT (destination) DO UPDATE SET error = excluded.error, failed_at = coalesce(known.failed_at, now())
