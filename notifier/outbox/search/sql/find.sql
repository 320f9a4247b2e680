-- One step of a search: examine at most :step deliveries from the id :first on and before :end, in the order of ids
-- ({direction}), or those of :candidates, and return at most :limit of those that match.
-- `last` is the last one that was examined, also if none matches; null if there are no more than these.
-- The rows of the step are counted once more in the index: to keep all of them would take longer than to read them.
WITH found AS (
  SELECT d.notification_id, n.channel, n.route, n.table_name, d.status, d.attempt, d.failures, d.recipient,
         d.further_recipients, d.reason, n.recorded_at, d.next_attempt_at
  {matching}
  ORDER BY d.notification_id {direction} LIMIT :limit
), edge AS (
  SELECT ({last}) AS last
)
{answer}
