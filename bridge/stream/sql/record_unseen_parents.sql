-- Insert such parents as lost shards, each with a gap; see unseen_parents.sql.
WITH missed AS (
  INSERT INTO shards (stream_id, shard_id, state, finished_at)
  SELECT st.id, parent.id, 'lost', now() {unseen_parents}
  ON CONFLICT (stream_id, shard_id) DO NOTHING
  RETURNING id
)
INSERT INTO gaps (shard, reason) SELECT id, 'it came and went before anyone could read it' FROM missed
