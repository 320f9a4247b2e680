-- The {limit} largest counts.
SELECT channel, route, status, count FROM delivery_counts ORDER BY count DESC, channel, route, status LIMIT {limit}
