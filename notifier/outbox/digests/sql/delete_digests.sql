-- Nothing is collected for :leaders any more. Rows that another process has locked are left out, because waiting for them
-- could end in a deadlock: that process finds that their leader is not pending.
DELETE FROM digests WHERE key IN (
  SELECT key FROM digests WHERE leader = ANY(CAST(:leaders AS uuid[])) FOR UPDATE SKIP LOCKED
)
