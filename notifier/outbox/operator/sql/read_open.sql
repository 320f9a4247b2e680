-- The database's time, how many records in quarantine, duplicates and dead letters up to then are neither settled nor
-- acknowledged, and how many outcomes are unknown, and unknown and kept for an operator.
SELECT now() AS until,
       (SELECT count(*) FROM quarantine
        WHERE replayed_at IS NULL AND acknowledged_at IS NULL AND quarantined_at <= now()) AS quarantine,
       (SELECT count(*) FROM duplicates WHERE acknowledged_at IS NULL AND detected_at <= now()) AS duplicates,
       ({open_dead_letters now()}) AS dead_letters,
       (SELECT count(*) FROM due WHERE kind = 'unknown') AS unknown,
       (SELECT count(*) FROM due WHERE kind = 'held') AS held
