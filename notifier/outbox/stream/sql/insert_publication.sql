-- Messages :ids of a :channel and :lane (null: normal) are to be published. The relay publishes them if the bridge has
-- not within :grace seconds.
INSERT INTO publications (channel, notification_ids, due_at, lane)
VALUES (:channel, CAST(:ids AS uuid[]), now() + make_interval(secs => :grace), :lane)
RETURNING id
