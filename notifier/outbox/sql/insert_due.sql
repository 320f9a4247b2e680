-- Fragment: these deliveries become due: the relay publishes retries and what is scheduled, the deadlines decide about
-- the others. The argument is a SELECT of notification_id, kind ('retry', 'scheduled', 'unknown' or 'held'), channel and
-- due_at. A delivery has one row: a later one replaces it.
INSERT INTO due (notification_id, kind, channel, due_at)
{argument}
ON CONFLICT (notification_id) DO UPDATE SET kind = excluded.kind, channel = excluded.channel, due_at = excluded.due_at
