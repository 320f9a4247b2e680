-- The days that have partitions, oldest first, with their state and, for a counted day, the statuses and channels of
-- its deliveries; `listed`: its search terms are complete, and kept so by triggers (a day that was dropped and made
-- again has none). Postgres reads the catalog with the snapshot of the transaction, like the tables.
SELECT day_of_partition(c.relname) AS day, coalesce(days.state, 'open') AS state,
       coalesce(array_agg(n.status::text || ' ' || n.channel) FILTER (WHERE n.status IS NOT NULL), '{}') AS holds,
       coalesce(bool_or(s.state = 'listed'), false) AND EXISTS (
         SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'note_terms'
       ) AS listed
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
LEFT JOIN days ON days.day = day_of_partition(c.relname)
LEFT JOIN search_days s ON s.day = day_of_partition(c.relname)
LEFT JOIN day_counts n ON n.day = days.day AND days.state = 'counted'
WHERE i.inhparent = to_regclass('deliveries') AND NOT i.inhdetachpending
GROUP BY 1, 2, c.oid ORDER BY 1
