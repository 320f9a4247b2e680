-- Fragment: the days that have a partition of `deliveries`.
SELECT day_of_partition(c.relname) AS day
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('deliveries')
