-- Fragment: the beginning of a statement that changes deliveries. The argument is the condition that the delivery `d`
-- has the status from which it may change.
-- Parameters: arrays of equal length with the :ids, the statuses :to, whether the attempt :failed (0 or 1), :delays
-- until the next attempt in seconds, :message_ids, :reasons and :details; the :channel; the status :from and the name
-- of the :worker for the history; the seconds after which the policy of the route applies to an unknown outcome,
-- :unknown_after.
-- A delivery that has a message id becomes `sent`, also if this attempt failed: an event of an earlier attempt proved
-- that it was accepted. It keeps that id, unless it has gone on to another channel and this attempt was accepted: then
-- the message of the earlier channel is the duplicate (`earlier`: the id before this statement).
-- Changes to {unrecorded} are not written into the history: the delivery's row says the same.
-- `change.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
WITH change AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:to AS delivery_status[]), CAST(:failed AS int[]), CAST(:delays AS float8[]),
    CAST(:message_ids AS text[]), CAST(:reasons AS text[]), CAST(:details AS text[])
  ) AS change (id, status, failed, delay, message_id, reason, detail)
), changed AS (
  UPDATE deliveries d SET
    status = CASE WHEN d.provider_message_id IS NULL THEN change.status ELSE 'sent' END,
    updates = {count_update CASE WHEN d.provider_message_id IS NULL THEN change.status ELSE 'sent' END},
    failures = d.failures + change.failed, ended_at = now(), reason = change.reason,
    provider_message_id = CASE WHEN d.channel IS NOT NULL AND change.message_id IS NOT NULL THEN change.message_id
                               ELSE coalesce(d.provider_message_id, change.message_id) END,
    next_attempt_at = CASE WHEN change.status = 'pending' AND d.provider_message_id IS NULL
                           THEN now() + make_interval(secs => change.delay) END
  FROM change
  WHERE d.notification_id = change.id AND in_days(d.notification_id) AND (change.id IS NULL OR {argument})
  RETURNING d.notification_id, d.status, d.attempt, d.begun_at, d.next_attempt_at, d.provider_message_id,
            change.message_id, change.reason, change.detail, d.wanted_updates, d.updates,
            d.channel IS NOT NULL AND change.message_id IS NOT NULL AS elsewhere,
            CASE WHEN d.channel IS NOT NULL AND change.message_id IS NOT NULL
                 THEN (SELECT b.provider_message_id FROM deliveries b
                       WHERE b.notification_id = d.notification_id AND in_days(b.notification_id)) END AS earlier
), attention AS (  -- a retry, or the deadline of an unknown outcome
  {insert_due
    SELECT notification_id, CASE status WHEN 'pending' THEN 'retry' ELSE 'unknown' END, :channel,
           coalesce(next_attempt_at, now() + make_interval(secs => :unknown_after))
    FROM changed WHERE status IN ('pending', 'unknown')}
), event AS (
  {insert_event
    SELECT notification_id, CAST(:from AS delivery_status), status, attempt, :worker, reason, detail, begun_at
    FROM changed WHERE status NOT IN ({unrecorded})}
), reported AS (  -- to the product, where the route asks for it
  {insert_update
    SELECT notification_id, updates, status, attempt, reason FROM changed WHERE {wants_update status}}
), twice AS (  -- the row names another message that was accepted
  INSERT INTO duplicates (notification_id, message_id)
  SELECT notification_id, message_id FROM changed WHERE message_id <> provider_message_id
  UNION ALL
  SELECT notification_id, earlier FROM changed WHERE earlier <> provider_message_id
  ON CONFLICT DO NOTHING
)
