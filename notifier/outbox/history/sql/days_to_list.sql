-- At most 5 days that ended an hour ago or earlier and whose search terms are not listed, the newest first. A day that
-- was dropped and made again has no trigger.
SELECT day_of_partition(c.relname) AS day
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
LEFT JOIN search_days s ON s.day = day_of_partition(c.relname)
WHERE i.inhparent = to_regclass('deliveries') AND NOT i.inhdetachpending
  AND day_of_partition(c.relname) < (now() AT TIME ZONE 'UTC' - interval '1 hour')::date
  AND (s.state IS DISTINCT FROM 'listed'
       OR NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'note_terms'))
ORDER BY day DESC LIMIT 5
