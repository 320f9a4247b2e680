-- Routes with deliveries that an error of the route or of its template keeps from being sent, and that no operator
-- has acknowledged; the newest first, at most 100. A delivery that is tried again counts once it has failed
-- :tries times. Of the deliveries `d` of {candidates}.
-- Such an error happens before the request leaves, so the delivery changes from `pending`: its route raised, did not
-- return or ended its worker, or its template cannot be rendered. The delivery says that it failed, its last event
-- from which status. What a row can tell of itself is a condition of its own: joined with one that looks into another
-- table, it would be asked after the events of every delivery of the day had been read.
WITH failing AS (
  SELECT n.channel, n.route, d.notification_id, d.status, d.reason, d.ended_at
  FROM {candidates} JOIN notifications n ON n.notification_id = d.notification_id AND in_days(n.notification_id)
  WHERE (d.status = 'failed' OR d.status = 'pending' AND d.failures >= :tries) AND NOT {is_scheduled}
    AND d.ended_at > {acknowledged_at failures}
    AND 'pending' = (
      SELECT e.status_from FROM delivery_events e
      WHERE e.notification_id = d.notification_id AND in_days(e.notification_id) ORDER BY e.at DESC LIMIT 1
    )
)
SELECT channel, route, count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'pending') AS retried, max(ended_at) AS newest_at,
       (array_agg(notification_id ORDER BY ended_at DESC))[1] AS newest_id,
       (array_agg(reason ORDER BY ended_at DESC))[1] AS newest_reason
FROM failing GROUP BY channel, route ORDER BY max(ended_at) DESC LIMIT 100
