-- Pending → pending: the routes of :ids want to be called again at :untils, for :reasons; arrays of equal length. A time
-- that is over already is a second from now, so that a route that always says so is not called without a pause. No
-- attempt and no failure is counted, and what an operator had brought forward waits like the others.
-- Only what is due is changed: a delivery that another worker has begun, decided or put to wait is not. The history
-- names the :worker. Returns the ids that changed.
-- `wanted.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH wanted AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:untils AS timestamptz[]), CAST(:reasons AS text[]))
    AS wanted (id, until, reason)
), scheduled AS (
  UPDATE deliveries d SET
    next_attempt_at = greatest(wanted.until, now() + interval '1 second'), reason = wanted.reason, ended_at = now(),
    brought_forward = NULL
  FROM wanted
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id) AND (wanted.id IS NULL OR {is_due} AND {is_ours})
  RETURNING d.notification_id, d.attempt, d.reason, d.next_attempt_at
), attention AS (
  {insert_due SELECT notification_id, 'scheduled', :channel, next_attempt_at FROM scheduled}
), event AS (
  {insert_event
    SELECT notification_id, 'pending', 'pending', attempt, :worker,
           'waits until ' || to_char(next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC: ' || reason,
           NULL, NULL
    FROM scheduled}
)
SELECT notification_id FROM scheduled
