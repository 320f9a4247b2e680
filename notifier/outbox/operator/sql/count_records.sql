-- Stream records read, by what became of them, and the notifications after the first of a record. Includes rows that retention deleted: a counter must not go back.
SELECT sum(notified)::int8 AS notified, sum(unrouted)::int8 AS unrouted, sum(quarantined)::int8 AS quarantined,
       sum(further)::int8 AS further
FROM (
  SELECT coalesce(sum(records_notified), 0), coalesce(sum(records_unrouted), 0),
         coalesce(sum(records_quarantined), 0), coalesce(sum(further_notifications), 0) FROM shards
  UNION ALL
  SELECT coalesce(sum(count) FILTER (WHERE name = 'records_notified'), 0),
         coalesce(sum(count) FILTER (WHERE name = 'records_unrouted'), 0),
         coalesce(sum(count) FILTER (WHERE name = 'records_quarantined'), 0),
         coalesce(sum(count) FILTER (WHERE name = 'further_notifications'), 0) FROM forgotten_counts
) AS counted (notified, unrouted, quarantined, further)
