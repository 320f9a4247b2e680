-- The size of each day's deliveries, in pages of Postgres.
SELECT day_of_partition(c.relname) AS day, pg_relation_size(c.oid) / 8192 AS pages
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass('deliveries') AND NOT i.inhdetachpending
