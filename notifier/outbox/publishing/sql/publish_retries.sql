-- Turn retries that are due, and what was scheduled and is due, from the due time :after on, into publications of at
-- most :page messages, which are due at once; at most :limit of each kind, so that neither holds up the other. Returns
-- of each publication what the caller wants.
WITH retries AS (
  SELECT notification_id FROM due WHERE kind = 'retry' AND due_at <= now() AND due_at >= :after
  ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
), scheduled AS (
  SELECT notification_id FROM due WHERE kind = 'scheduled' AND due_at <= now() AND due_at >= :after
  ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
), ready AS (
  DELETE FROM due WHERE notification_id IN (
    SELECT notification_id FROM retries UNION ALL SELECT notification_id FROM scheduled
  ) RETURNING notification_id, channel
)
INSERT INTO publications (channel, notification_ids)
SELECT channel, array_agg(notification_id)
FROM (SELECT *, (row_number() OVER (PARTITION BY channel) - 1) / :page AS page FROM ready) AS numbered
GROUP BY channel, page
RETURNING {returned}
