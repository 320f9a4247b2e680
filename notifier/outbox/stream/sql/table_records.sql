-- Records of the :tables (null: of all) that were read, and how many of them were unrouted, with the time in Unix
-- seconds.
SELECT st.table_name AS "table", sum(s.records_read)::int8 AS read, sum(s.records_unrouted)::int8 AS unrouted,
       extract(epoch FROM now())::float8 AS at
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE CAST(:tables AS text[]) IS NULL OR st.table_name = ANY(CAST(:tables AS text[]))
GROUP BY st.table_name ORDER BY st.table_name
