-- Turn at most :limit retries that are due, from the due time :after on, into publications of at most :page messages,
-- which are due at once. Returns the size of each.
WITH ready AS (
  DELETE FROM due WHERE notification_id IN (
    SELECT notification_id FROM due WHERE kind = 'retry' AND due_at <= now() AND due_at >= :after
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
  ) RETURNING notification_id, channel
)
INSERT INTO publications (channel, notification_ids)
SELECT channel, array_agg(notification_id)
FROM (SELECT *, (row_number() OVER (PARTITION BY channel) - 1) / :page AS page FROM ready) AS numbered
GROUP BY channel, page
RETURNING cardinality(notification_ids)
