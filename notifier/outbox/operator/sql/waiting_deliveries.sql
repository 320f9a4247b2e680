-- Deliveries that wait because their worker has no such route (:routeless begins their reason), or because the provider
-- refuses a part of the account (:parked follows the name of the part in their reason), by channel, and route or part.
-- Of :ids, each of which stands for so many (:stand_for), and comes from `due` or not (:in_due). One that comes from a
-- publication may be in `due` as well, until the relay looks at the publication again: it is counted there.
-- `wanted.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
SELECT n.channel, CASE WHEN starts_with(d.reason, :routeless) THEN n.route END AS route,
       CASE WHEN NOT starts_with(d.reason, :routeless) THEN split_part(d.reason, :parked, 1) END AS part,
       round(sum(wanted.stands_for))::int8 AS deliveries, min(n.recorded_at) AS oldest,
       (array_agg(d.reason ORDER BY d.ended_at DESC))[1] AS reason
FROM unnest(CAST(:ids AS uuid[]), CAST(:stand_for AS float8[]), CAST(:in_due AS bool[])) AS wanted (id, stands_for, in_due)
JOIN deliveries d ON d.notification_id = wanted.id AND in_days(d.notification_id)
JOIN notifications n ON n.notification_id = wanted.id AND in_days(n.notification_id)
WHERE wanted.id IS NULL
  OR d.status = 'pending' AND (starts_with(d.reason, :routeless) OR strpos(d.reason, :parked) > 0)
     AND (wanted.in_due OR NOT EXISTS (SELECT FROM due WHERE due.notification_id = wanted.id))
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
