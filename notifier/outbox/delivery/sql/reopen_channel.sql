-- Parked → running: a probe was accepted.
UPDATE channels SET state = 'running', reason = NULL, actor = :actor, changed_at = now(), probe_at = NULL
WHERE channel = :channel AND state = 'parked'
