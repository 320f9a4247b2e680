-- The newest dead letters, at most :limit.
SELECT id, error, received_at FROM dead_letters ORDER BY id DESC LIMIT :limit
