-- The newest selected records, without their bytes, at most :limit. Parameters: also those of chosen.sql.
SELECT q.id, st.table_name, s.shard_id, q.sequence_number, q.error, q.quarantined_at, q.acknowledged_at
{chosen} ORDER BY q.id DESC LIMIT :limit
