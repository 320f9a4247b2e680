-- Fragment: the condition that the delivery `d` is pending and due.
d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now())
