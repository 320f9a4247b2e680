-- Pending → pending: deliveries that wait because their route returned Later are due, from now on :delays seconds apart,
-- and never later than before. Arrays of equal length: :ids, :channels, :delays. The :reason and the :actor are written
-- into the history; the reason for which the route waited stays in the row. Returns how many changed: not those that
-- were due before.
-- `chosen.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH chosen AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:channels AS text[]), CAST(:delays AS float8[]))
    AS chosen (id, channel, delay)
), changed AS (
  UPDATE deliveries d SET brought_forward = true,
    next_attempt_at = least(d.next_attempt_at, now() + make_interval(secs => chosen.delay))
  FROM chosen
  WHERE d.notification_id = chosen.id AND in_days(d.notification_id)
    AND (chosen.id IS NULL OR d.status = 'pending' AND d.next_attempt_at > now() AND {is_scheduled})
  RETURNING d.notification_id, d.attempt, d.next_attempt_at, chosen.channel
), attention AS (  -- inserted, because the relay may have taken the row meanwhile
  {insert_due SELECT notification_id, 'scheduled', channel, next_attempt_at FROM changed}
), event AS (
  {insert_event
    SELECT notification_id, 'pending', 'pending', attempt, :actor, 'brought forward: ' || :reason, NULL, NULL FROM changed}
)
SELECT count(*) FROM changed
