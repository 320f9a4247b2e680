-- Fragment: the condition that the delivery `d` failed by a policy or an operator although the outcome of its last
-- attempt was unknown: it may have been accepted. If an answer refused it, the event says when the attempt began.
EXISTS (
  SELECT FROM delivery_events e
  WHERE e.notification_id = d.notification_id AND in_days(e.notification_id) AND e.attempt = d.attempt
    AND e.status_from = 'unknown' AND e.status_to = 'failed' AND e.begun_at IS NULL
)
