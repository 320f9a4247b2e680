-- Dead letters that no operator has acknowledged, events without a notification, outcomes that are unknown, and unknown
-- outcomes kept for an operator.
SELECT (SELECT count(*) FROM dead_letters WHERE received_at > {acknowledged_at dead letters}) AS dead_letters,
       (SELECT count(*) FROM unmatched_feedback) AS unmatched,
       (SELECT count(*) FROM due WHERE kind = 'unknown') AS unknown,
       (SELECT count(*) FROM due WHERE kind = 'held') AS held
