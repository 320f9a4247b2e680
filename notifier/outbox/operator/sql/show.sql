-- A notification :id with its delivery, the name of the worker of its last attempt, the kind of its `due` row, and the
-- members of the digest that it leads.
SELECT n.*, d.status, d.attempt, d.failures, d.recipient, d.further_recipients, d.reason, d.next_attempt_at,
       d.begun_at, d.ended_at, d.provider_message_id, d.template, d.token, a.name AS actor, s.shard_id,
       st.arn AS stream_arn, d.brought_forward, d.leader,
       (SELECT u.kind FROM due u WHERE u.notification_id = d.notification_id) AS waits_for,
       coalesce(d.members, (SELECT g.members FROM digests g WHERE g.leader = d.notification_id)) AS members
FROM notifications n JOIN deliveries d USING (notification_id)
JOIN shards s ON s.id = n.shard JOIN streams st ON st.id = s.stream_id
LEFT JOIN actors a ON a.id = ('x' || left(d.token::text, 8))::bit(32)::int
WHERE n.notification_id = :id AND in_days(n.notification_id) AND in_days(d.notification_id)
