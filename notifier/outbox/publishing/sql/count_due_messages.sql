-- How many messages of each publication are pending and due, and the oldest of them; of pairs of :publications and
-- notification :ids. Publications without such a message are left out.
-- `sampled.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
SELECT sampled.publication, count(*), min(d.notification_id::text)::uuid
FROM unnest(CAST(:publications AS int8[]), CAST(:ids AS uuid[])) AS sampled (publication, id)
JOIN publications p ON p.id = sampled.publication
JOIN deliveries d ON d.notification_id = sampled.id AND in_days(d.notification_id)
WHERE sampled.id IS NULL OR {is_due} AND coalesce(d.channel, p.channel) = p.channel
GROUP BY sampled.publication
