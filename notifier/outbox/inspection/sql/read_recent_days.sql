-- The days of the last week, today and the next two, by the clock of the database: how many of the :tables have a
-- partition of the day, and how large these are.
SELECT day - today AS offset_days,
       count(to_regclass(parent || to_char(day, '_YYYYMMDD'))) AS partitions,
       CAST(coalesce(sum(pg_total_relation_size(to_regclass(parent || to_char(day, '_YYYYMMDD')))), 0) AS int8) AS bytes
FROM (SELECT CAST(now() AT TIME ZONE 'UTC' AS date) AS today) clock,
     LATERAL (SELECT today + n AS day FROM generate_series(-7, 2) AS n) days,
     unnest(CAST(:tables AS text[])) AS parent
GROUP BY 1 ORDER BY 1
