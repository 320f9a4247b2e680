-- The days that have partitions, oldest first, with their state and, for a counted day, the statuses and channels of
-- its deliveries. Postgres reads the catalog with the snapshot of the transaction, like the tables.
SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day, coalesce(days.state, 'open') AS state,
       coalesce(array_agg(n.status::text || ' ' || n.channel) FILTER (WHERE n.status IS NOT NULL), '{}') AS holds
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
LEFT JOIN days ON days.day = to_date(right(c.relname, 8), 'YYYYMMDD')
LEFT JOIN day_counts n ON n.day = days.day AND days.state = 'counted'
WHERE i.inhparent = to_regclass('deliveries') AND NOT i.inhdetachpending
GROUP BY 1, 2 ORDER BY 1
