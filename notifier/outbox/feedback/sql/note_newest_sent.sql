-- A `Send` event of a message that the provider took at :sent_until has arrived. The time never goes back, and is
-- never in the future.
INSERT INTO channel_events AS c (channel, events_sent_until) VALUES (:channel, least(:sent_until, now()))
ON CONFLICT (channel) DO UPDATE SET events_sent_until = greatest(c.events_sent_until, excluded.events_sent_until)
