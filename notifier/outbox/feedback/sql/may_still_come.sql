-- Fragment: the condition that a stream may still bring the record of the event `u`.
u.received_at > now() - interval '2 days' AND u.notification_id >= {oldest_recordable_id}
