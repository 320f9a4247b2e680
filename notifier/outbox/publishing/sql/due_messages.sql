-- Which messages are pending and due, of pairs of :publications and notification :ids; with their failures.
-- `published.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
SELECT published.publication, d.notification_id, d.failures
FROM unnest(CAST(:publications AS int8[]), CAST(:ids AS uuid[])) AS published (publication, id)
JOIN deliveries d ON d.notification_id = published.id AND in_days(d.notification_id)
WHERE published.id IS NULL OR {is_due}
