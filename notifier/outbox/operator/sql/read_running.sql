-- 1 for each channel that runs, 0 for one that is parked or paused.
SELECT channel, (state = 'running')::int FROM channels
