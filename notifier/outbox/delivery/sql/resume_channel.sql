-- Paused or parked → running. Bounces and complaints until now no longer count against the channel (`rates_since`).
-- Returns what the row said before, for the journal: feedback or a worker may have stopped the channel.
WITH before AS (
  SELECT channel, state, reason, actor, changed_at FROM channels
  WHERE channel = :channel AND state <> 'running' FOR UPDATE
)
UPDATE channels SET state = 'running', reason = NULL, actor = :actor, changed_at = now(), probe_at = NULL,
  rates_since = now()
FROM before WHERE channels.channel = before.channel
RETURNING before.state, before.reason, before.actor, before.changed_at
