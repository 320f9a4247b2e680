-- Fragment: changes of status, for `notifier show`. The argument is a SELECT of these columns; NULL where the change
-- has no detail (a traceback, or the provider's answer), or did not end an attempt that began at `begun_at`.
INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason, detail, begun_at)
{argument}
