-- Sent → delivered, bounced or complained for :ids, by all events that are stored: events that arrived while a later
-- attempt was `sending` changed no status then. :statuses is what the event :kinds mean. Of several results the gravest
-- counts: the type `delivery_status` orders delivered, bounced, complained. Of a delivery that has gone on
-- to another channel, only events of the message that it names count.
-- `result.notification_id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH changed AS (
  UPDATE deliveries d SET status = result.status, reason = coalesce(result.detail, d.reason),
    updates = {count_update result.status}
  FROM (
    SELECT DISTINCT ON (f.notification_id) f.notification_id, given.status, f.detail
    FROM feedback f
    JOIN deliveries o ON o.notification_id = f.notification_id AND in_days(o.notification_id)
      AND (o.channel IS NULL OR o.provider_message_id = f.message_id)
    JOIN unnest(CAST(:kinds AS text[]), CAST(:statuses AS delivery_status[])) AS given (kind, status) USING (kind)
    WHERE f.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(f.notification_id)
    ORDER BY f.notification_id, given.status DESC, f.occurred_at
  ) AS result
  WHERE d.notification_id = result.notification_id AND in_days(d.notification_id)
    AND (result.notification_id IS NULL OR d.status = 'sent')
  RETURNING d.notification_id, d.status, d.attempt, d.reason, d.wanted_updates, d.updates
)
{insert_update
  SELECT notification_id, updates, status, attempt, reason FROM changed WHERE {wants_update status}}
