-- Messages are to be published. Returns the id of each publication and its first message.
--
-- :ids are the messages of all publications. By publication: :queue_channels, :lanes (null: normal), :firsts and :lasts
-- (its part of :ids, from 1), and :graces (the seconds that the bridge has to publish it, before the relay does).
INSERT INTO publications (channel, notification_ids, due_at, lane)
SELECT part.channel, (CAST(:ids AS uuid[]))[part.first : part.last], now() + make_interval(secs => part.grace),
       part.lane
FROM unnest(
  CAST(:queue_channels AS text[]), CAST(:lanes AS text[]), CAST(:firsts AS int[]), CAST(:lasts AS int[]),
  CAST(:graces AS float8[])
) AS part (channel, lane, first, last, grace)
RETURNING id, notification_ids[1] AS first
