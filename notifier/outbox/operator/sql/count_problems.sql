-- Gaps and duplicates that were ever found, gaps that are open, dead letters that no operator has acknowledged, events
-- without a notification, and open records in quarantine.
SELECT (SELECT count(*) FROM gaps) + (SELECT coalesce(sum(count), 0) FROM forgotten_counts WHERE name = 'gaps')
         AS gaps,
       (SELECT count(*) FROM gaps WHERE acknowledged_at IS NULL) AS gaps_open,
       (SELECT count(*) FROM duplicates)
         + (SELECT coalesce(sum(count), 0) FROM forgotten_counts WHERE name = 'duplicates') AS duplicates,
       (SELECT count(*) FROM dead_letters WHERE received_at > {acknowledged_at dead letters}) AS dead_letters,
       (SELECT count(*) FROM unmatched_feedback) AS unmatched,
       (SELECT count(*) FROM quarantine WHERE replayed_at IS NULL AND acknowledged_at IS NULL) AS quarantine
