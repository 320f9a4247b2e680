-- Deliveries by channel and status of one day, estimated from :percent of the day's pages, which Postgres chooses.
-- LIMIT keeps the planner from reading all notifications of the day: each is found by its id.
SELECT n.channel, d.status, round(count(*) * 100.0 / :percent)::int8 AS deliveries, min(n.recorded_at) AS oldest
FROM deliveries d TABLESAMPLE SYSTEM (:percent)
CROSS JOIN LATERAL (
  SELECT channel, recorded_at FROM notifications
  WHERE notification_id = d.notification_id AND in_days(notification_id)
  LIMIT 1
) n
WHERE in_days(d.notification_id)
GROUP BY n.channel, d.status
