-- Per shard the counters of records, beside the number of rows that these records became: `notified` is how many
-- records they are of, if the counter of further notifications is right. `dropped_rows` has the rows
-- that retention deleted, `day_shards` those of counted days.
WITH found AS (
  SELECT shard, count(*) AS notifications, 0 AS quarantine FROM notifications n
  WHERE in_days(n.notification_id) GROUP BY shard
  UNION ALL SELECT shard, notifications, 0 FROM day_shards JOIN days USING (day) WHERE days.state = 'counted'
  UNION ALL SELECT shard, 0, count(*) FROM quarantine WHERE replayed_at IS NULL GROUP BY shard
  UNION ALL SELECT shard, notifications, quarantine FROM dropped_rows
)
SELECT s.id, s.shard_id, s.records_read, s.records_notified, s.records_unrouted, s.records_quarantined,
       s.further_notifications, coalesce(sum(found.notifications), 0)::int8 AS notifications,
       coalesce(sum(found.notifications), 0)::int8 - s.further_notifications AS notified,
       coalesce(sum(found.quarantine), 0)::int8 AS quarantine
FROM shards s LEFT JOIN found ON found.shard = s.id
GROUP BY s.id ORDER BY s.shard_id
