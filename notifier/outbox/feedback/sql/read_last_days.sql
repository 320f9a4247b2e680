-- Of each channel what read_last_day.sql has of one.
SELECT channel, coalesce(sum(deliveries + bounces), 0)::int8, coalesce(sum(hard_bounces), 0)::int8,
       coalesce(sum(complaints), 0)::int8
FROM feedback_hours h LEFT JOIN channels c USING (channel)
WHERE hour > now() - interval '24 hours' AND (c.rates_since IS NULL OR hour >= c.rates_since)
GROUP BY channel ORDER BY channel
