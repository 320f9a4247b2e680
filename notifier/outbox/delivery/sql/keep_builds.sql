-- Building → building with a new lease of :lease seconds, or → marked for those that have :ended; only for builds
-- that :process holds. :deaths is the number that the process has for each of :ids, and never lowers the one
-- in the row.
WITH given AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:deaths AS int[]), CAST(:ended AS bool[]))
    AS given (id, deaths, ended)
), ours AS (
  SELECT s.notification_id FROM suspects s
  WHERE s.notification_id = ANY(CAST(:ids AS uuid[])) AND s.begun_by = :process
  ORDER BY s.notification_id FOR UPDATE
)
UPDATE suspects s SET
  deaths = greatest(s.deaths, given.deaths),
  begun_by = CASE WHEN NOT given.ended THEN s.begun_by END,
  lease_until = CASE WHEN NOT given.ended THEN now() + make_interval(secs => :lease) END
FROM ours JOIN given ON given.id = ours.notification_id
WHERE s.notification_id = ours.notification_id
