-- Every delivery with its route, its channel, and the sequence number of its record.
SELECT n.notification_id, n.route, n.channel, d.status, d.recipient, d.reason, d.attempt, d.failures,
       d.next_attempt_at, n.sequence_number
FROM notifications n JOIN deliveries d USING (notification_id)
