-- One step of a search: examine at most :step deliveries from the id :first on and before :end, in the order of ids
-- ({direction}), or those of :candidates, and return at most :limit of those that match.
-- The answer says how many were `examined` and which was the `last`, also if none matches.
WITH step AS MATERIALIZED (
  {step}
), found AS (
  SELECT d.notification_id, n.channel, n.route, n.table_name, d.status, d.attempt, d.failures, d.recipient, d.reason,
         n.recorded_at, d.next_attempt_at
  {matching}
  ORDER BY d.notification_id {direction} LIMIT :limit
), edge AS (
  SELECT count(*) AS examined,
         (SELECT notification_id FROM step ORDER BY notification_id {opposite} LIMIT 1) AS last
  FROM step
)
{answer}
