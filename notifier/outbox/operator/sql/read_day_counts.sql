-- Deliveries by channel and status, of counted days: the counts are read instead of the rows.
SELECT channel, status, sum(deliveries)::int8 AS deliveries, min(oldest) AS oldest
FROM day_counts JOIN days USING (day) WHERE days.state = 'counted' GROUP BY channel, status
