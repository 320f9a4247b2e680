-- Read at most :step deliveries from the id :first on and before :end, in the order of ids ({direction}), and return
-- those that match, at most :limit. Each row has how many were `examined` and the `last` id of them; if none matches,
-- one row has nothing else. Parameters: also those of matches.sql.
WITH step AS MATERIALIZED (
  SELECT {delivery} FROM deliveries d
  WHERE d.notification_id >= :first AND d.notification_id < :end AND in_days(d.notification_id)
  ORDER BY d.notification_id {direction} LIMIT :step
), found AS (
  SELECT {columns} {matches}
    AND n.notification_id >= :first AND n.notification_id < :end
  ORDER BY d.notification_id {direction} LIMIT :limit
)
SELECT edge.examined, edge.last, found.*
FROM (
  SELECT count(*) AS examined,
         (SELECT notification_id FROM step ORDER BY notification_id {opposite} LIMIT 1) AS last
  FROM step
) AS edge LEFT JOIN found ON true
ORDER BY found.notification_id {direction}
