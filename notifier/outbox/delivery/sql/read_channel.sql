-- The state of one :channel; no row if it was never changed.
SELECT channel, state, reason, actor, changed_at, probe_at FROM channels WHERE channel = :channel
