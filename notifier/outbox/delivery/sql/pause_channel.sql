-- Running or parked → paused, for a :reason. Changes no row if it is paused.
INSERT INTO channels AS c (channel, state, reason, actor) VALUES (:channel, 'paused', :reason, :actor)
ON CONFLICT (channel) DO UPDATE SET
  state = 'paused', reason = excluded.reason, actor = excluded.actor, changed_at = now(), probe_at = NULL
WHERE c.state <> 'paused'
