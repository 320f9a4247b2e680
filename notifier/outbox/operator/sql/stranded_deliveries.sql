-- Up to 100 deliveries that are not final and that nothing would move on: no publication, no claim, no `due` row
-- names them. A difference of sets reads each table once, whatever the planner believes about a backlog.
SELECT notification_id, status FROM (
  SELECT notification_id, status, CASE status WHEN 'sending' THEN token END AS token
  FROM deliveries d WHERE status IN ('pending', 'sending', 'unknown') AND in_days(d.notification_id)
  EXCEPT (
    SELECT unnest(notification_ids), 'pending'::delivery_status, NULL FROM publications
    UNION ALL SELECT unnest(notification_ids), 'sending', token FROM claims
    UNION ALL SELECT notification_id, 'pending', NULL FROM due
    UNION ALL SELECT notification_id, 'unknown', NULL FROM due
  )
) AS stranded
LIMIT 100
