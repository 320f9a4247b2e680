-- What went wrong after :since, oldest first and at most {most} rows: failed tries, refusals by providers, records in
-- quarantine, gaps, dead letters, duplicates and stopped channels. `what` is the kind of the failure, a key of _WORDS
-- in failures.py. `traceback` is what a failed try left: a traceback, or a provider's answer.
SELECT * FROM (
  SELECT e.at, CASE WHEN e.status_to = 'pending' THEN 'tried again' ELSE e.status_to::text END AS what, n.channel,
         n.route, e.reason, e.notification_id::text AS id, e.detail AS traceback
  FROM delivery_events e JOIN notifications n USING (notification_id)
  WHERE e.at > :since AND e.reason IS NOT NULL AND e.status_from IN ('pending', 'sending', 'unknown')
    AND e.status_to IN ('pending', 'failed', 'unknown', 'suppressed', 'expired')
  UNION ALL
  SELECT f.received_at, f.kind, n.channel, n.route, f.detail, f.notification_id::text, NULL
  FROM feedback f JOIN notifications n USING (notification_id)
  WHERE f.received_at > :since AND f.kind IN ('bounce', 'complaint', 'reject', 'rendering_failure')
  UNION ALL SELECT quarantined_at, 'quarantine', '', '', error, id::text, NULL
            FROM quarantine WHERE quarantined_at > :since
  UNION ALL SELECT detected_at, 'gap', '', '', reason, id::text, NULL FROM gaps WHERE detected_at > :since
  UNION ALL SELECT received_at, 'dead letter', '', '', error, id::text, NULL
            FROM dead_letters WHERE received_at > :since
  UNION ALL SELECT detected_at, 'duplicate', '', '', message_id, notification_id::text, NULL
            FROM duplicates WHERE detected_at > :since
  UNION ALL SELECT changed_at, state, channel, '', reason, '', NULL FROM channels
            WHERE state <> 'running' AND changed_at > :since
) AS found ORDER BY at LIMIT {most}
