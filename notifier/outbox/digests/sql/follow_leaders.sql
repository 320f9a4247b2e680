-- Give events that are merged already the recipients of their leaders, whose message now goes to others: on another
-- channel, or because the route returned others. :ids and :leaders are arrays of equal length; the rows are locked.
-- `member.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
UPDATE deliveries d SET recipient = lead.recipient, further_recipients = lead.further_recipients
FROM unnest(CAST(:ids AS uuid[]), CAST(:leaders AS uuid[])) AS member (id, leader)
JOIN deliveries lead ON lead.notification_id = member.leader AND in_days(lead.notification_id)
WHERE d.notification_id = member.id AND in_days(d.notification_id)
  AND (member.id IS NULL OR d.status = 'merged' AND d.leader = member.leader
       AND (d.recipient, d.further_recipients) IS DISTINCT FROM (lead.recipient, lead.further_recipients))
