-- Begin a transaction that records a page in several statements, by what move_checkpoint.sql does, with its parameters.
-- Until its end it has {recording_mark} of the shard, a shared lock, so none waits for it: where its bridge stops,
-- bridge/stream/sql/end_frozen.sql finds by it which session holds the shard's row.
{move_checkpoint}
RETURNING pg_advisory_xact_lock_shared({recording_mark}, id)
