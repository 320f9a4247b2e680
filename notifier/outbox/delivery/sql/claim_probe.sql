-- Take the probe of a parked channel that is due: the caller that changes the row sends one message. The next probe
-- is due after :probe seconds, doubled for each one before, at most 600: this one may never be answered.
UPDATE channels SET probes = probes + 1,
  probe_at = now() + least(make_interval(secs => 600), make_interval(secs => :probe * 2.0 ^ least(probes, 10)))
WHERE channel = :channel AND state = 'parked' AND probe_at <= now()
