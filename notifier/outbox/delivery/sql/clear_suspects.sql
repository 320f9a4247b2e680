-- Delete the rows of :ids whose delivery is final, and any row that is older than 7 days: a delivery that another
-- worker or an operator ended has no process that would delete its row.
DELETE FROM suspects WHERE notification_id IN (
  SELECT s.notification_id FROM suspects s
  WHERE s.notification_id = ANY(CAST(:ids AS uuid[])) AND NOT EXISTS (
      SELECT FROM deliveries d
      WHERE d.notification_id = s.notification_id AND in_days(d.notification_id)
        AND d.status IN ('pending', 'sending', 'unknown'))
    OR s.begun_at < now() - interval '7 days'
  ORDER BY s.notification_id FOR UPDATE
)
