-- Fragment: the columns of a ShardLease, of the shard `s` and its stream `st`.
s.id, s.shard_id, st.arn, st.table_name, s.owner, s.epoch, s.checkpoint, s.parent_shard_id
