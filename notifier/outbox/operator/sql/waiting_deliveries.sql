-- Deliveries that wait because their worker has no such route (:routeless begins their reason), or because the provider
-- refuses a part of the account (:parked follows the name of the part in their reason): by channel, and route or part.
-- Of the deliveries `d` of {candidates}.
SELECT n.channel, CASE WHEN starts_with(d.reason, :routeless) THEN n.route END AS route,
       CASE WHEN NOT starts_with(d.reason, :routeless) THEN split_part(d.reason, :parked, 1) END AS part,
       count(*) AS deliveries, min(n.recorded_at) AS oldest, max(d.ended_at) AS newest_at,
       (array_agg(d.reason ORDER BY d.ended_at DESC))[1] AS newest_reason
FROM {candidates} JOIN notifications n ON n.notification_id = d.notification_id AND in_days(n.notification_id)
WHERE d.status = 'pending' AND (starts_with(d.reason, :routeless) OR strpos(d.reason, :parked) > 0)
GROUP BY 1, 2, 3
