-- Pending → merged: the events of :ids are in the messages of their :leaders, in arrays of equal length. In the
-- transaction that begins the attempts of the leaders, or ends their wait otherwise. The history names the :worker.
-- With {recipient} a member gets the recipients of its leader, so that it is found by them. Returns the ids that changed.
-- `member.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH merged AS (
  UPDATE deliveries d SET
    status = 'merged', {recipient} ended_at = now(), next_attempt_at = NULL,
    reason = 'its event is in the message of ' || member.leader
  FROM unnest(CAST(:ids AS uuid[]), CAST(:leaders AS uuid[])) AS member (id, leader)
  JOIN deliveries lead ON lead.notification_id = member.leader AND in_days(lead.notification_id)
  WHERE d.notification_id = member.id AND in_days(d.notification_id)
    AND (member.id IS NULL OR d.status = 'pending' AND d.leader = member.leader)
  RETURNING d.notification_id, d.attempt, d.reason
), attended AS (
  DELETE FROM due USING merged WHERE due.notification_id = merged.notification_id
), event AS (
  {insert_event
    SELECT notification_id, 'pending', 'merged', attempt, :worker, reason, NULL, NULL FROM merged}
)
SELECT notification_id FROM merged
