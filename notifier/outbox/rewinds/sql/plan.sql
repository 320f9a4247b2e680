-- What a rewind would read again. Parameters: those of {rewindable_shards}.
SELECT st.table_name AS "table", s.shard_id, s.state, s.checkpoint AS until, s.records_unrouted AS unrouted,
       q.records AS quarantined, s.records_notified AS notified
{rewindable_shards} ORDER BY st.table_name, st.arn, s.shard_id
