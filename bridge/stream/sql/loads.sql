-- How many shards of :tables each bridge holds now.
SELECT s.owner, count(*) AS shards FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.state = 'open' AND s.lease_until >= now() AND st.table_name = ANY(CAST(:tables AS text[]))
GROUP BY s.owner
