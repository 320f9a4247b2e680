-- The evidence of each channel, in seconds ago: its newest message whose event has arrived; when all events before were
-- settled. NULL where none has come.
SELECT channel, extract(epoch FROM now() - events_sent_until)::float8, extract(epoch FROM now() - drained_at)::float8
FROM channel_events
