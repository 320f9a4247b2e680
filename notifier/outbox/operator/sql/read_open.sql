-- The database's time, and how many records in quarantine, duplicates and dead letters up to then are neither settled
-- nor acknowledged.
SELECT now() AS until,
       (SELECT count(*) FROM quarantine
        WHERE replayed_at IS NULL AND acknowledged_at IS NULL AND quarantined_at <= now()) AS quarantine,
       (SELECT count(*) FROM duplicates WHERE acknowledged_at IS NULL AND detected_at <= now()) AS duplicates,
       (SELECT count(*) FROM dead_letters
        WHERE received_at > {acknowledged_at dead letters} AND received_at <= now()) AS dead_letters
