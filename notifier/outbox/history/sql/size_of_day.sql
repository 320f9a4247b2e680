-- The deliveries of a :day, as they were counted, and the bytes of its partitions of the :tables.
SELECT CAST(:day AS date) AS day,
       (SELECT coalesce(sum(deliveries), 0)::int8 FROM day_counts WHERE day = :day) AS deliveries,
       coalesce(sum(pg_total_relation_size(to_regclass(parent || to_char(CAST(:day AS date), '_YYYYMMDD')))), 0)::int8
         AS bytes
FROM unnest(CAST(:tables AS text[])) AS parent
