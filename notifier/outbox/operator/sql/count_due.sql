-- Deliveries with a retry or a deadline, by channel and kind.
SELECT channel, kind, count(*) FROM due GROUP BY channel, kind
