-- Fragment: whether a delivery `d` is pending and its next attempt is due.
d.status = 'pending' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now())
