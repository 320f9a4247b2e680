-- The same for counted days: their counts are read instead of their rows.
SELECT channel, status, sum(deliveries)::int8 AS deliveries, min(oldest) AS oldest
FROM day_counts JOIN days USING (day) WHERE days.state = 'counted' GROUP BY channel, status
