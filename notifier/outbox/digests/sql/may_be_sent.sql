-- Fragment: whether an event that names the delivery `d` waits to be settled, so that it may have been sent before.
EXISTS (SELECT FROM unmatched_feedback u WHERE u.notification_id = d.notification_id AND u.look_at IS NOT NULL)
