-- Nothing is collected for :leaders any more. Not those that another process has locked, to end in no deadlock with it:
-- it finds that their leader is not pending.
DELETE FROM digests WHERE key IN (
  SELECT key FROM digests WHERE leader = ANY(CAST(:leaders AS uuid[])) FOR UPDATE SKIP LOCKED
)
