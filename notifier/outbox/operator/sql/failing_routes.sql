-- Routes with deliveries that an error of the route or of its template keeps from being sent, and that no operator
-- has acknowledged; the newest first, at most 100. A delivery that is tried again counts once it has failed
-- :tries times; if :until is given, only if it failed last up to then. Of the deliveries `d` of {candidates}; {chosen}
-- are those that are looked at more closely, and for how many each of them stands.
-- Such an error happens before the request leaves, so the delivery changes from `pending`: its route raised, did not
-- return or ended its worker, or its template cannot be rendered. The delivery says that it failed, its last event
-- from which status. LIMIT 1 makes Postgres look each notification up by its id: it would rather read the whole day.
WITH found AS MATERIALIZED (
  SELECT d.notification_id, d.status, d.reason, d.ended_at FROM {candidates}
  WHERE (d.status = 'failed' OR d.status = 'pending' AND d.failures >= :tries) AND NOT {is_scheduled}
    AND d.ended_at > {acknowledged_at failures}
    AND (CAST(:until AS timestamptz) IS NULL OR d.ended_at <= :until)
), chosen AS MATERIALIZED (
  {chosen}
), failing AS (
  SELECT n.channel, n.route, d.* FROM chosen d CROSS JOIN LATERAL (
    SELECT channel, route FROM notifications n
    WHERE n.notification_id = d.notification_id AND in_days(n.notification_id) LIMIT 1
  ) AS n
  WHERE 'pending' = (
    SELECT e.status_from FROM delivery_events e
    WHERE e.notification_id = d.notification_id AND in_days(e.notification_id) ORDER BY e.at DESC LIMIT 1
  )
)
SELECT channel, route, coalesce(round(sum(stands_for) FILTER (WHERE status = 'failed')), 0)::int8 AS failed,
       coalesce(round(sum(stands_for) FILTER (WHERE status = 'pending')), 0)::int8 AS retried,
       bool_or(estimated) AS estimated, max(ended_at) AS newest_at,
       (array_agg(notification_id ORDER BY ended_at DESC, notification_id DESC))[1] AS newest_id,
       (array_agg(reason ORDER BY ended_at DESC, notification_id DESC))[1] AS newest_reason
FROM failing GROUP BY channel, route ORDER BY max(ended_at) DESC LIMIT 100
