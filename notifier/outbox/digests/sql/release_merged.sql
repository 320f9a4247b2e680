-- Merged → pending: the members :ids of :leaders (arrays of equal length) that have ended without being sent. They are due
-- now on the :channel, and are collected anew. The history names the :worker and the :reason.
-- Left out are those of leaders of which an attempt may have been accepted, as in fall_back.sql, or of which an event
-- waits to be settled: {may_be_sent}.
-- `member.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH refused AS MATERIALIZED (
  SELECT d.notification_id FROM deliveries d
  WHERE d.notification_id = ANY(CAST(:leaders AS uuid[])) AND in_days(d.notification_id)
    AND d.provider_message_id IS NULL AND NOT {decided_by_policy}
    AND NOT {may_be_sent}
), released AS (
  UPDATE deliveries d SET status = 'pending', leader = NULL, next_attempt_at = now(), ended_at = NULL, reason = :reason
  FROM unnest(CAST(:ids AS uuid[]), CAST(:leaders AS uuid[])) AS member (id, leader)
  JOIN refused ON refused.notification_id = member.leader
  WHERE d.notification_id = member.id AND in_days(d.notification_id)
    AND (member.id IS NULL OR d.status = 'merged' AND d.leader = member.leader)
  RETURNING d.notification_id, d.attempt, d.reason
), attention AS (
  {insert_due SELECT notification_id, 'scheduled', :channel, now() FROM released}
)
{insert_event
  SELECT notification_id, 'merged', 'pending', attempt, :worker, reason, NULL, NULL FROM released}
