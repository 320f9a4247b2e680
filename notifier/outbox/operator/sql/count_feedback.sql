-- Events by channel. Includes hours that retention deleted: a counter must not go back.
SELECT channel, sum(sends)::int8, sum(deliveries)::int8, sum(bounces)::int8, sum(complaints)::int8
FROM (
  SELECT channel, sends, deliveries, bounces, complaints FROM feedback_hours
  UNION ALL
  SELECT channel, CASE name WHEN 'sends' THEN count ELSE 0 END, CASE name WHEN 'deliveries' THEN count ELSE 0 END,
         CASE name WHEN 'bounces' THEN count ELSE 0 END, CASE name WHEN 'complaints' THEN count ELSE 0 END
  FROM forgotten_counts WHERE channel <> ''
) AS given GROUP BY channel
