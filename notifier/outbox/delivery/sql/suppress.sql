-- Fragment: the beginning of a statement that begins or shadows deliveries: pending → suppressed where the recipient
-- is suppressed. With {unless_spared} those of the ids :spared stay pending: they go on to another channel.
-- Parameters: those of barred.sql; the name of the :worker; whether this attempt is :probing a parked channel.
-- `wanted.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
{barred}, suppressed AS (
  UPDATE deliveries d SET status = 'suppressed', recipient = wanted.address, ended_at = now(),
    next_attempt_at = NULL, reason = barred.reason, updates = {count_update 'suppressed'},
    further_recipients = {further_recipients}
  FROM barred JOIN wanted USING (id)
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id) AND {channel_runs}
    AND (wanted.id IS NULL OR {is_due} AND {is_ours}) {unless_spared}
  RETURNING d.notification_id, d.attempt, d.reason, d.wanted_updates, d.updates
), event AS (
  {insert_event
    SELECT notification_id, 'pending', 'suppressed', attempt, :worker, reason, NULL, NULL FROM suppressed}
), reported AS (
  {insert_update
    SELECT notification_id, updates, 'suppressed', attempt, reason FROM suppressed WHERE {wants_update 'suppressed'}}
)
