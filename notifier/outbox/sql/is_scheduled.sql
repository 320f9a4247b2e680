-- Fragment: the condition that the delivery `d` waits for a time because its route returned Later.
EXISTS (SELECT FROM due u WHERE u.notification_id = d.notification_id AND u.kind = 'scheduled' AND u.due_at > now())
