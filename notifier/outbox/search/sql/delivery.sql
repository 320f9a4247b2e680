-- Fragment: what a search needs of a delivery.
d.notification_id, d.status, d.attempt, d.failures, d.recipient, d.further_recipients, d.reason,
d.next_attempt_at
