-- What an installation has after bench.days days, beside its notifications. The one shard and stream are there.
INSERT INTO shards (stream_id, shard_id, parent_shard_id, state, finished_at, last_record_at)
SELECT 1, 'shardId-' || n, 'shardId-' || n - 10, 'finished', at, at
FROM generate_series(11, 10 + 60 * current_setting('bench.days')::int) AS n,
     LATERAL (SELECT now() - interval '6 hours' - n * interval '24 minutes' AS at) AS finished;
INSERT INTO shards (stream_id, shard_id, owner, lease_until, caught_up_at, last_record_at)
SELECT 1, 'shardId-open-' || n, 'bridge-1', now() + interval '30 days', now(), now() FROM generate_series(1, 40) AS n;
INSERT INTO gaps (shard, reason, detected_at, acknowledged_at)
SELECT 1, 'trimmed', now() - n * interval '1 hour', CASE WHEN n > 5 THEN now() END FROM generate_series(1, 100) AS n;
INSERT INTO quarantine (shard, sequence_number, record, error, acknowledged_at)
SELECT 1, 'q' || n, convert_to(repeat('x', 1000), 'UTF8'), 'the record has no Keys', CASE WHEN n > 200 THEN now() END
FROM generate_series(1, 20000) AS n;
UPDATE shards SET records_read = records_read + 20000, records_quarantined = records_quarantined + 20000 WHERE id = 1;
INSERT INTO dead_letters (raw, error, received_at)
SELECT convert_to(n || repeat('x', 1000), 'UTF8'), 'not JSON', now() - n * interval '1 hour'
FROM generate_series(1, 2000) AS n;
INSERT INTO unmatched_feedback (message_id, kind, occurred_at, reason)
SELECT 'm' || n, 'bounce', now(), 'no such notification' FROM generate_series(1, 20000) AS n;
INSERT INTO duplicates (notification_id, message_id, acknowledged_at)
SELECT gen_random_uuid(), 'm' || n, CASE WHEN n > 20 THEN now() END FROM generate_series(1, 500) AS n;
INSERT INTO operations (at, actor, action, reason, scope, deliveries)
SELECT now() - n * interval '5 minutes', 'operator-' || n % 30, (ARRAY['redrive', 'cancel', 'pause', 'resume'])[1 + n % 4],
       'because of ticket ' || n, 'notification ' || n, n % 100
FROM generate_series(1, 250 * current_setting('bench.days')::int) AS n;
INSERT INTO suppressions (channel, address, reason, actor)
SELECT 'email', 'person.' || n * 3 || '@example.com', (ARRAY['hard_bounce', 'complaint', 'unsubscribe'])[1 + n % 3], 'feedback'
FROM generate_series(1, 100000) AS n;
INSERT INTO feedback_hours (channel, hour, sends, deliveries, bounces, hard_bounces, complaints)
SELECT channel, date_trunc('hour', now()) - n * interval '1 hour', 5000, 4900, 50, 20, 1
FROM generate_series(0, 24 * current_setting('bench.days')::int) AS n, unnest(ARRAY['email', 'sms', 'webhook']) AS channel;
INSERT INTO delivery_counts (channel, route, status, count)
SELECT channel, 'route-' || n, status, 1000
FROM generate_series(1, 50) AS n, unnest(ARRAY['email', 'sms', 'webhook']) AS channel,
     unnest(ARRAY['sent', 'failed', 'skipped', 'suppressed']) AS status;
INSERT INTO channels (channel) VALUES ('email'), ('sms'), ('webhook') ON CONFLICT DO NOTHING;
INSERT INTO due (notification_id, kind, channel, due_at)
SELECT notification_id, CASE WHEN row_number() OVER () % 2 = 0 THEN 'held' ELSE 'unknown' END, 'email', now() + interval '1 day'
FROM deliveries WHERE status = 'unknown';
INSERT INTO due (notification_id, kind, channel, due_at)
SELECT gen_random_uuid(), 'retry', channel, now() + n * interval '1 second'
FROM generate_series(1, 100000) AS n, unnest(ARRAY['email', 'webhook']) AS channel;
