-- Those of the deliveries :candidates that match, in the order of ids ({direction}). Parameters: also those of
-- matches.sql.
WITH step AS MATERIALIZED (
  SELECT {delivery} FROM deliveries d
  WHERE d.notification_id = ANY(CAST(:candidates AS uuid[])) AND in_days(d.notification_id)
)
SELECT {columns} {matches}
ORDER BY d.notification_id {direction}
