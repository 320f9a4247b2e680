-- The size of each day's deliveries, in pages of Postgres; 0 for a day that was dropped after this snapshot was taken.
SELECT day_of_partition(c.relname) AS day, coalesce(pg_relation_size(c.oid), 0) / 8192 AS pages
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass('deliveries') AND NOT i.inhdetachpending
