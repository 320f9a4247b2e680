-- The destinations: how many updates wait, how many of them failed before, the time of the oldest, and the counts.
-- Cheap with any number of rows: what waits is the difference of the counts; of the rows only the first 1,000 in order
-- of their turn are read, and those that failed. The row without a destination is of updates that have none yet, and
-- of those that retention dropped before they had one.
WITH known AS (
  SELECT destination, assigned, accepted, dropped, accepted_at, error, failed_at FROM status_destinations
  WHERE destination <> ''
  UNION ALL
  SELECT '', {most}, 0, unassigned.dropped, NULL, NULL, NULL
  FROM (
    SELECT coalesce(max(dropped), 0) AS dropped FROM status_destinations WHERE destination = ''
  ) AS unassigned
  WHERE unassigned.dropped > 0 OR EXISTS (SELECT FROM status_updates WHERE destination = '')
)
SELECT known.destination,
  CASE known.destination
    WHEN '' THEN (
      SELECT count(*) FROM (SELECT FROM status_updates WHERE destination = '' LIMIT {most}) AS waiting
    )
    ELSE greatest(0, assigned - accepted - dropped)
  END AS waiting,
  failed.updates AS failing, known.accepted, known.dropped, known.accepted_at, known.error, known.failed_at,
  least(failed.oldest, first.oldest) AS oldest,
  extract(epoch FROM now() - least(failed.oldest, first.oldest))::float8 AS oldest_seconds
FROM known
CROSS JOIN LATERAL (
  SELECT count(*) AS updates, min(at) AS oldest FROM status_updates u
  WHERE u.destination = known.destination AND u.failures > 0
) AS failed
CROSS JOIN LATERAL (
  SELECT min(at) AS oldest FROM (
    SELECT at FROM status_updates u WHERE u.destination = known.destination ORDER BY due_at LIMIT 1000
  ) AS soonest
) AS first
ORDER BY known.destination
