-- Pending → pending: events are collected. Arrays of equal length: the deliveries :ids, their :leaders, the times
-- :untils until which they wait (null: as long as before) and the :reasons. The :closed leaders get no more members:
-- theirs are :members, in arrays of equal length with one null where a leader has none.
-- The rows are locked by read_assignments.sql. `wanted.id IS NULL OR` keeps the planner from reading whole days: see
-- notifier/outbox/days.py. Returns the ids that changed.
WITH wanted AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:leaders AS uuid[]), CAST(:untils AS timestamptz[]), CAST(:reasons AS text[])
  ) AS wanted (id, leader, until, reason)
), closed AS (
  SELECT leader, coalesce(array_agg(member) FILTER (WHERE member IS NOT NULL), '{}') AS members
  FROM unnest(CAST(:closed AS uuid[]), CAST(:members AS uuid[])) AS closed (leader, member) GROUP BY leader
), assigned AS (
  UPDATE deliveries d SET
    leader = wanted.leader, next_attempt_at = coalesce(wanted.until, d.next_attempt_at), reason = wanted.reason,
    members = coalesce((SELECT c.members FROM closed c WHERE c.leader = wanted.id), d.members)
  FROM wanted
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id) AND (wanted.id IS NULL OR d.status = 'pending')
  RETURNING d.notification_id, wanted.until
), attention AS (
  {insert_due SELECT notification_id, 'scheduled', :channel, until FROM assigned WHERE until IS NOT NULL}
)
SELECT notification_id FROM assigned
