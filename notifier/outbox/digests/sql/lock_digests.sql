-- The open digests of :leaders, locked in the order of their keys.
SELECT leader, members FROM digests WHERE leader = ANY(CAST(:leaders AS uuid[])) ORDER BY key FOR UPDATE
