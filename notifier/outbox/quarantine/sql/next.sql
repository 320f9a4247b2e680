-- The next selected records after the one with the id :after, at most :limit. Parameters: also those of chosen.sql.
SELECT q.id, q.shard, s.shard_id, st.arn, st.table_name, q.sequence_number, q.record, q.error
{chosen} AND q.id > :after ORDER BY q.id LIMIT :limit
