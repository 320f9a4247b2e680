-- Up to {limit} of the {candidates} that are not final and that nothing would move on: no publication, no claim, no
-- `due` row names them. A difference of sets reads each table once, whatever the planner believes about a backlog.
SELECT notification_id, status FROM (
  SELECT d.notification_id, d.status, CASE d.status WHEN 'sending' THEN d.token END AS token
  FROM {candidates} WHERE d.status IN ('pending', 'sending', 'unknown')
  EXCEPT (
    SELECT unnest(notification_ids), 'pending'::delivery_status, NULL FROM publications
    UNION ALL SELECT unnest(notification_ids), 'sending', token FROM claims
    UNION ALL SELECT notification_id, 'pending', NULL FROM due
    UNION ALL SELECT notification_id, 'unknown', NULL FROM due
  )
) AS stranded
LIMIT {limit}
