-- The members of :leaders: those that a closed digest was closed with, else those that have joined so far. With whether
-- the leader's wait has ended before: then all of them were in its message. An attempt was begun, or it ended without
-- one and was redriven; a leader that waits for a retry of its build, or because its route returned Later, has not.
SELECT d.notification_id, coalesce(d.members, g.members, '{}'),
  d.attempt > 0 OR d.ended_at IS NOT NULL AND EXISTS (
    SELECT FROM delivery_events e
    WHERE e.notification_id = d.notification_id AND in_days(e.notification_id) AND e.status_from <> 'pending'
  )
FROM deliveries d LEFT JOIN digests g ON g.leader = d.notification_id
WHERE d.notification_id = ANY(CAST(:leaders AS uuid[])) AND in_days(d.notification_id)
