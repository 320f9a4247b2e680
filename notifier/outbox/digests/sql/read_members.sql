-- Those of :ids that belong to their :leaders (arrays of equal length): not those that an operator cancelled
-- meanwhile, or that an event may prove to have been sent alone. With the bytes of their records, which are null where
-- retention has deleted the rows.
SELECT member.leader, member.id, octet_length(n.record)
FROM unnest(CAST(:ids AS uuid[]), CAST(:leaders AS uuid[])) AS member (id, leader)
LEFT JOIN deliveries d ON d.notification_id = member.id AND in_days(d.notification_id)
LEFT JOIN notifications n ON n.notification_id = member.id AND in_days(n.notification_id)
WHERE d.notification_id IS NULL
   OR d.leader = member.leader AND (d.status = 'merged' OR d.status = 'pending' AND NOT {may_be_sent})
