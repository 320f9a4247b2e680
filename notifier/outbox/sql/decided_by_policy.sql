-- Fragment: the condition that the policy of the route has decided about an unknown outcome of the delivery `d`, so that
-- an attempt of it may have been accepted.
EXISTS (
  SELECT FROM delivery_events e
  WHERE e.notification_id = d.notification_id AND in_days(e.notification_id)
    AND e.status_from = 'unknown' AND e.actor = 'relay' AND NOT EXISTS (  -- a redrive begins anew
      SELECT FROM delivery_events r
      WHERE r.notification_id = d.notification_id AND in_days(r.notification_id) AND r.at > e.at
        AND r.status_from IN ('failed', 'shadowed') AND r.status_to = 'pending'
    )
)
