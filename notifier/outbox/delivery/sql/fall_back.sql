-- Fragment: the beginning of a statement by which deliveries go on to another channel: → pending, due there at once with
-- a fresh count of failures. The argument is the condition that the delivery `d` has the status from which it may.
-- Parameters: arrays of equal length with the :ids, the channels :next, and the :reasons and :details why the :channel
-- did not send; the status :from and the name of the :worker for the history.
-- Left out is what may have been accepted: an event has proved it, or an answer was lost and only the policy of the
-- route said to send again. An answer that came late, and an operator who resolves or redrives, leave no doubt.
-- `change.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH change AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:next AS text[]), CAST(:reasons AS text[]), CAST(:details AS text[])
  ) AS change (id, channel, reason, detail)
), changed AS (
  UPDATE deliveries d SET
    status = 'pending', channel = change.channel, first_channel = coalesce(d.first_channel, :channel), failures = 0,
    next_attempt_at = now(), ended_at = now(),
    reason = :channel || ': ' || change.reason || '; goes on to ' || change.channel
  FROM change
  WHERE d.notification_id = change.id AND in_days(d.notification_id)
    AND (change.id IS NULL OR {argument} AND {is_ours} AND d.provider_message_id IS NULL
      AND NOT {decided_by_policy})
  RETURNING d.notification_id, d.status, d.attempt, d.begun_at, d.channel, d.reason, change.detail
), moved AS (  -- what lists, counts and operations read
  UPDATE notifications n SET channel = changed.channel FROM changed
  WHERE n.notification_id = changed.notification_id AND in_days(n.notification_id)
    AND (changed.notification_id IS NULL OR n.channel <> changed.channel)
), attention AS (  -- the relay publishes it to the queue of the other channel
  {insert_due SELECT notification_id, 'retry', channel, now() FROM changed}
), event AS (
  {insert_event
    SELECT notification_id, CAST(:from AS delivery_status), 'pending', attempt, :worker, reason, detail,
           CASE WHEN :from <> 'pending' THEN begun_at END
    FROM changed}
)
