-- Take at most :limit publications of a :channel and :lane (null: normal) that are due, from the due time :after on. No
-- other relay looks at them for :look_again seconds. Returns the seconds since each was published, null if it was not, and its messages.
UPDATE publications SET due_at = now() + make_interval(secs => :look_again)
WHERE id IN (
  SELECT id FROM publications WHERE due_at <= now() AND due_at >= :after AND channel = :channel
    AND lane IS NOT DISTINCT FROM CAST(:lane AS text)
  ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING id, extract(epoch FROM now() - published_at)::float8, notification_ids
