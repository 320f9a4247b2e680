-- The sums of the last day, a row for each minute in which a console ran, the oldest first; `at` in Unix seconds.
SELECT extract(epoch FROM minute)::float8 AS at, read, sent, delivered, failed
FROM throughput_minutes WHERE minute > now() - interval '24 h' ORDER BY minute
