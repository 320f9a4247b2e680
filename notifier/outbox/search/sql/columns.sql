-- Fragment: what a search returns of the delivery `d` and the notification `n`.
d.notification_id, n.channel, n.route, n.table_name, d.status, d.attempt, d.failures, d.recipient, d.reason,
n.recorded_at, d.next_attempt_at
