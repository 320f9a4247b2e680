-- Insert as lost shards, each with a gap, those of :parents, which children in a listing of the stream :arn name, that
-- were :created (Unix seconds) after the stream was found and have no row. The condition is unseen_parents.sql.
WITH missed AS (
  INSERT INTO shards (stream_id, shard_id, state, finished_at)
  SELECT st.id, parent.id, 'lost', now() {unseen_parents}
  ON CONFLICT (stream_id, shard_id) DO NOTHING
  RETURNING id
)
INSERT INTO gaps (shard, reason) SELECT id, 'it appeared and was dropped before a bridge listed it' FROM missed
