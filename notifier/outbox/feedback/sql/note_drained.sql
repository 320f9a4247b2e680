-- Every event of the :channel that was published more than :ago seconds ago is settled. The time never goes back.
INSERT INTO channel_events AS c (channel, drained_at) VALUES (:channel, now() - make_interval(secs => :ago))
ON CONFLICT (channel) DO UPDATE SET drained_at = greatest(c.drained_at, excluded.drained_at)
