-- Messages :ids of a :channel are to be published. The relay publishes them if the bridge has not within :grace seconds.
INSERT INTO publications (channel, notification_ids, due_at)
VALUES (:channel, CAST(:ids AS uuid[]), now() + make_interval(secs => :grace))
RETURNING id
