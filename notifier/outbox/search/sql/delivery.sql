-- Fragment: what a search needs of the delivery `d`.
d.notification_id, d.status, d.attempt, d.failures, d.recipient, d.reason, d.next_attempt_at
