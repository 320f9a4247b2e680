-- Acknowledge all open duplicates.
UPDATE duplicates SET acknowledged_at = now() WHERE acknowledged_at IS NULL
