-- Running → parked, for a :reason. The first probe is due in :probe seconds.
INSERT INTO channels AS c (channel, state, reason, actor, probe_at)
VALUES (:channel, 'parked', :reason, :actor, now() + make_interval(secs => :probe))
ON CONFLICT (channel) DO UPDATE SET
  state = 'parked', reason = excluded.reason, actor = excluded.actor, changed_at = now(), probes = 0,
  probe_at = excluded.probe_at
WHERE c.state = 'running'
