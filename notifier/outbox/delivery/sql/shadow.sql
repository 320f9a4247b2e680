-- Pending → shadowed, or → suppressed if the recipient is suppressed. Nothing is sent for either.
-- Parameters: those of suppress.sql; for each of :ids the :reasons, why it is in shadow, and the :subjects, which the
-- history keeps as the detail of the change.
-- `wanted.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
-- Returns the id, and true if it is shadowed, false if it is suppressed.
{suppress}
, shadowed AS (
  UPDATE deliveries d SET
    status = 'shadowed', recipient = wanted.address, ended_at = now(), next_attempt_at = NULL, reason = shadow.reason,
    template = wanted.template, further_recipients = {further_recipients}
  FROM wanted JOIN unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[]), CAST(:subjects AS text[]))
    AS shadow (id, reason, subject) USING (id)
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id) AND {channel_runs}
    AND (wanted.id IS NULL OR {is_due} AND {is_ours} AND NOT EXISTS (SELECT FROM barred WHERE barred.id = wanted.id))
  RETURNING d.notification_id, d.attempt, d.reason, shadow.subject
), shadow_event AS (
  {insert_event
    SELECT notification_id, 'pending', 'shadowed', attempt, :worker, reason, subject, NULL FROM shadowed}
)
SELECT notification_id, true FROM shadowed
UNION ALL SELECT notification_id, false FROM suppressed
