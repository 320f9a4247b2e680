-- `Send` events of messages that the provider took at :sent_until have arrived through configuration sets, whose names
-- are :configuration_sets in their order. The times never go back, and are never in the future.
INSERT INTO configuration_set_events AS c (channel, configuration_set, events_sent_until)
SELECT :channel, sent.configuration_set, least(sent.until, now())
FROM unnest(CAST(:configuration_sets AS text[]), CAST(:sent_until AS timestamptz[])) AS sent (configuration_set, until)
ON CONFLICT (channel, configuration_set)
DO UPDATE SET events_sent_until = greatest(c.events_sent_until, excluded.events_sent_until)
