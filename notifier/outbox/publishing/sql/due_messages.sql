-- Which messages of the :channel are pending and due, of pairs of :publications and notification :ids; with their
-- failures. What has gone on to another channel is left out: another publication has it.
-- `published.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
SELECT published.publication, d.notification_id, d.failures
FROM unnest(CAST(:publications AS int8[]), CAST(:ids AS uuid[])) AS published (publication, id)
JOIN deliveries d ON d.notification_id = published.id AND in_days(d.notification_id)
WHERE published.id IS NULL OR {is_due} AND {is_ours}
