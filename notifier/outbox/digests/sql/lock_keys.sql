-- The rows of :keys in `digests`, locked in the order of the keys; new ones where there is none. With the database's
-- time. To collect for a key, and to begin what was collected, a transaction locks its row first.
INSERT INTO digests AS g (key) SELECT key FROM unnest(CAST(:keys AS uuid[])) AS wanted (key) ORDER BY key
ON CONFLICT (key) DO UPDATE SET key = excluded.key
RETURNING g.key, g.leader, g.members, g.closes_at, g.pause, now()
