-- Unknown → pending (due at once) or failed, as the policy of the route decided. Arrays of equal length: :ids, the
-- :attempts that were decided about, the status :to, :reasons. A delivery that changed meanwhile stays as it is.
-- Returns how many changed. The history names the actor 'relay', although `Deadlines` of the bridge decides: stored rows
-- have that name.
-- `verdict.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH verdict AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:attempts AS int[]), CAST(:to AS delivery_status[]), CAST(:reasons AS text[])
  ) AS verdict (id, attempt, status, reason)
), changed AS (
  UPDATE deliveries d SET
    status = verdict.status, reason = verdict.reason, failures = d.failures + 1,
    updates = {count_update verdict.status},
    next_attempt_at = CASE verdict.status WHEN 'pending' THEN now() END
  FROM verdict
  WHERE d.notification_id = verdict.id AND in_days(d.notification_id) AND d.attempt = verdict.attempt
    AND (verdict.id IS NULL OR d.status = 'unknown')
  RETURNING d.notification_id, d.status, d.attempt, d.reason, d.wanted_updates, d.updates
), again AS (
  UPDATE due SET kind = 'retry', due_at = now() FROM changed
  WHERE due.notification_id = changed.notification_id AND changed.status = 'pending'
), done AS (
  DELETE FROM due USING changed WHERE due.notification_id = changed.notification_id AND changed.status <> 'pending'
), event AS (
  {insert_event
    SELECT notification_id, 'unknown', status, attempt, 'relay', reason, NULL, NULL FROM changed}
), reported AS (
  {insert_update
    SELECT notification_id, updates, status, attempt, reason FROM changed WHERE {wants_update status}}
)
SELECT count(*) FROM changed
