-- Acknowledge all open records in quarantine.
UPDATE quarantine SET acknowledged_at = now() WHERE replayed_at IS NULL AND acknowledged_at IS NULL
