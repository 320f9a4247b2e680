-- Record a page of a shard: what move_checkpoint.sql does, with its parameters, and insert the notifications :ids, their
-- pending deliveries and their publications. Fails if a notification exists. Returns the id of each publication and its
-- first message, a row of NULLs if the page has none, and no row, with nothing written, if the lease is not held.
--
-- By notification: :ids, :numbers, :routes, :channels, :tables, :wanted_updates (0: none), and its record: the next
-- :lengths bytes of :records from :starts (counted from 1). An array of bytea costs the client four times as much.
-- By publication: :queue_channels, :lanes (null: normal), :firsts and :lasts (its part of :ids, from 1), and :graces (the
-- seconds that the bridge has to publish it, before the relay does).
WITH held AS (
  {move_checkpoint} RETURNING id
), notified AS (
  INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record)
  SELECT page.id, held.id, page.number, page.route, page.channel, page.table_name,
         substring(CAST(:records AS bytea) FROM page.start FOR page.length)
  FROM held, unnest(
    CAST(:ids AS uuid[]), CAST(:numbers AS text[]), CAST(:routes AS text[]), CAST(:channels AS text[]),
    CAST(:tables AS text[]), CAST(:starts AS int[]), CAST(:lengths AS int[])
  ) AS page (id, number, route, channel, table_name, start, length)
), delivered AS (
  INSERT INTO deliveries (notification_id, wanted_updates)
  SELECT page.id, nullif(page.wanted, 0)
  FROM held, unnest(CAST(:ids AS uuid[]), CAST(:wanted_updates AS int[])) AS page (id, wanted)
), published AS (
  INSERT INTO publications (channel, notification_ids, due_at, lane)
  SELECT part.channel, (CAST(:ids AS uuid[]))[part.first : part.last], now() + make_interval(secs => part.grace),
         part.lane
  FROM held, unnest(
    CAST(:queue_channels AS text[]), CAST(:lanes AS text[]), CAST(:firsts AS int[]), CAST(:lasts AS int[]),
    CAST(:graces AS float8[])
  ) AS part (channel, lane, first, last, grace)
  RETURNING id, notification_ids[1] AS first
)
SELECT published.id, published.first FROM held LEFT JOIN published ON true
