-- Change deliveries from :status to the status :to, for an operator. Arrays of equal length: :ids, :channels, :delays
-- (seconds until the next attempt, for a change to pending). The :reason and the :actor are written into the history.
-- Pending gets a fresh count of failures. The delays spread redriven deliveries over time, so that new ones are not
-- held up. Returns how many changed.
-- `chosen.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH chosen AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:channels AS text[]), CAST(:delays AS float8[]))
    AS chosen (id, channel, delay)
), changed AS (
  UPDATE deliveries d SET
    status = CAST(:to AS delivery_status), reason = :reason,
    channel = CASE WHEN d.channel IS NOT NULL THEN chosen.channel END, updates = {count_update :to},
    ended_at = CASE :to WHEN 'pending' THEN d.ended_at ELSE now() END,
    failures = CASE :to WHEN 'pending' THEN 0 ELSE d.failures END,
    next_attempt_at = CASE :to WHEN 'pending' THEN now() + make_interval(secs => chosen.delay) END
  FROM chosen
  WHERE d.notification_id = chosen.id AND in_days(d.notification_id)
    AND (chosen.id IS NULL OR d.status = CAST(:status AS delivery_status))
  RETURNING d.notification_id, d.status, d.attempt, d.reason, d.next_attempt_at, chosen.channel, d.wanted_updates,
            d.updates, d.first_channel
), moved AS (  -- back to its first channel
  UPDATE notifications n SET channel = changed.channel FROM changed
  WHERE n.notification_id = changed.notification_id AND in_days(n.notification_id)
    AND (changed.notification_id IS NULL OR changed.first_channel IS NOT NULL AND n.channel <> changed.channel)
), attention AS (
  {insert_due
    SELECT notification_id, 'retry', channel, next_attempt_at FROM changed WHERE next_attempt_at IS NOT NULL}
), settled AS (
  DELETE FROM due USING changed WHERE due.notification_id = changed.notification_id AND next_attempt_at IS NULL
), event AS (
  {insert_event
    SELECT notification_id, CAST(:status AS delivery_status), CAST(:to AS delivery_status), attempt, :actor, :reason,
           NULL, NULL
    FROM changed}
), reported AS (
  {insert_update
    SELECT notification_id, updates, status, attempt, reason FROM changed WHERE {wants_update status}}
)
SELECT count(*) FROM changed
