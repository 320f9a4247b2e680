-- The next event of the keys that :leaders collect leads a digest of its own. Where the route sends the first event at
-- once, the next message waits for the pause; if the leader has :expired, for what is left of the one before.
WITH paused AS (
  UPDATE digests SET leader = NULL, members = '{}',
    closes_at = CASE WHEN :expired THEN closes_at ELSE now() + make_interval(secs => pause) END
  WHERE leader = ANY(CAST(:leaders AS uuid[])) AND pause IS NOT NULL
)
DELETE FROM digests WHERE leader = ANY(CAST(:leaders AS uuid[])) AND pause IS NULL
