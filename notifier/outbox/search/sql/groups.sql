-- Fragment: those that match in groups, each with the newest of them.
SELECT edge.last, groups.* FROM edge LEFT JOIN (
  SELECT channel, route, reason, count(*) AS matched,
         (array_agg(notification_id ORDER BY notification_id DESC))[1] AS notification_id
  FROM found GROUP BY channel, route, reason
) AS groups ON true
