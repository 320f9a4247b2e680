-- Delete at most :limit keys for which nothing is collected, and whose next message need not wait any more.
DELETE FROM digests WHERE key IN (
  SELECT key FROM digests WHERE leader IS NULL AND closes_at <= now() ORDER BY closes_at LIMIT :limit
  FOR UPDATE SKIP LOCKED
)
