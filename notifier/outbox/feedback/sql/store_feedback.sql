-- Store a batch of events once each. Arrays of equal length with the properties of each event: :numbers, :ids (of the
-- notification), :attempts, :kinds, :message_ids, :occurred, :details, :sent, :recipients, :permanent, :topics, :channels,
-- :configuration_sets.
-- Events of notifications in this database go to `feedback`. The others go to `unmatched_feedback`, so that nothing
-- is lost; they wait for their notification (look_at) only if a stream may still bring its record: a day that
-- retention has dropped does not come back.
-- Returns one row for each event that is new: with the notification's id if it is in `feedback`, with `waits` if it
-- is in `unmatched_feedback`. The last rows have, for each configuration set, the time at which the provider accepted
-- the newest message of which a `Send` event of this batch names an attempt that is in the database.
WITH incoming AS (
  SELECT * FROM unnest(
    CAST(:numbers AS int[]), CAST(:ids AS uuid[]), CAST(:attempts AS int[]), CAST(:kinds AS text[]),
    CAST(:message_ids AS text[]), CAST(:occurred AS timestamptz[]), CAST(:details AS text[]),
    CAST(:sent AS timestamptz[]), CAST(:recipients AS text[]), CAST(:permanent AS bool[]), CAST(:topics AS text[]),
    CAST(:channels AS text[]), CAST(:configuration_sets AS text[])
  ) AS incoming (number, id, attempt, kind, message_id, occurred_at, detail, sent_at, recipient, permanent, topic,
                channel, configuration_set)
), known AS (  -- events of notifications in this database; `made`: of an attempt that it has
  SELECT incoming.*, incoming.attempt <= d.attempt AS made
  FROM incoming JOIN deliveries d ON d.notification_id = incoming.id AND in_days(d.notification_id)
  WHERE incoming.attempt > 0
), fresh AS (
  INSERT INTO feedback (notification_id, message_id, kind, occurred_at, attempt, detail)
  SELECT id, message_id, kind, occurred_at, attempt, detail FROM known ORDER BY id, message_id
  ON CONFLICT DO NOTHING
  RETURNING notification_id, message_id, kind, occurred_at
), unmatched AS (
  INSERT INTO unmatched_feedback
    (message_id, kind, occurred_at, notification_id, reason, look_at, attempt, sent_at, recipient, permanent, detail,
     topic, channel, configuration_set)
  SELECT message_id, kind, occurred_at, id,
         CASE WHEN id IS NULL THEN 'it names no notification' WHEN attempt IS NULL THEN 'it names no attempt'
              ELSE 'there is no such notification' END,
         CASE WHEN attempt > 0 AND id >= {oldest_recordable_id} THEN now() END,
         attempt, sent_at, CASE WHEN id >= {oldest_recordable_id} THEN recipient END, permanent, detail,
         topic, channel, configuration_set
  FROM incoming WHERE number NOT IN (SELECT number FROM known)
  ORDER BY message_id, kind, occurred_at
  ON CONFLICT DO NOTHING
  RETURNING message_id, kind, occurred_at, look_at IS NOT NULL AS waits
)
SELECT notification_id, message_id, kind, occurred_at, CAST(NULL AS bool), CAST(NULL AS timestamptz),
       CAST(NULL AS text) FROM fresh
UNION ALL SELECT NULL, message_id, kind, occurred_at, waits, NULL, NULL FROM unmatched
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, max(sent_at), configuration_set FROM known
          WHERE made AND kind = 'send' GROUP BY configuration_set
