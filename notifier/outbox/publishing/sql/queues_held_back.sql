-- The queues of paused and parked channels with a publication that is due and that was never published.
-- OFFSET keeps the planner from searching the publications while all channels run, which is nearly always.
SELECT held.queue FROM channels c, LATERAL (
  SELECT DISTINCT {queue} AS queue FROM publications p
  WHERE p.channel = c.channel AND p.due_at <= now() AND p.published_at IS NULL OFFSET 0
) held
WHERE c.state = 'paused' OR c.state = 'parked' AND c.probe_at > now()
