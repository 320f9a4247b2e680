-- The channels whose state was ever changed.
SELECT channel, state, reason, actor, changed_at, probe_at FROM channels ORDER BY channel
