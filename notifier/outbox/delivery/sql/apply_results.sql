-- Sent → delivered, bounced or complained; delivered → bounced or complained; bounced → complained: what new events
-- report. Arrays of equal length: :ids, the status :to, :details, :message_ids. Events of the :channel say nothing of a
-- delivery that has gone on to another one, unless it names their message. Writes no event into the history: `feedback` has
-- the time.
-- `result.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH changed AS (
  UPDATE deliveries d SET status = result.status, reason = coalesce(result.detail, d.reason),
    updates = {count_update result.status}
  FROM unnest(CAST(:ids AS uuid[]), CAST(:to AS delivery_status[]), CAST(:details AS text[]),
              CAST(:message_ids AS text[]))
       AS result (id, status, detail, message_id)
  WHERE d.notification_id = result.id AND in_days(d.notification_id)
    AND (d.channel IS NULL OR d.channel = :channel OR d.provider_message_id = result.message_id) AND (
    result.id IS NULL OR d.status = 'sent' OR d.status = 'delivered' AND result.status IN ('bounced', 'complained')
    OR d.status = 'bounced' AND result.status = 'complained'
  )
  RETURNING d.notification_id, d.status, d.attempt, d.reason, d.wanted_updates, d.updates
)
{insert_update
  SELECT notification_id, updates, status, attempt, reason FROM changed WHERE {wants_update status}}
