-- Notifications of a :shard of a :table that do not exist yet, with their pending deliveries. Returns the ids of those
-- that are new. Parameters: an array of each column.
WITH made AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:numbers AS text[]), CAST(:routes AS text[]), CAST(:channels AS text[]),
    CAST(:records AS bytea[]), CAST(:wanted AS int[])
  ) AS made (id, number, route, channel, record, wanted_updates)
), fresh AS (
  INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record)
  SELECT id, :shard, number, route, channel, :table, record FROM made
  ON CONFLICT DO NOTHING RETURNING notification_id
)
INSERT INTO deliveries (notification_id, wanted_updates)
SELECT notification_id, made.wanted_updates FROM fresh JOIN made ON made.id = fresh.notification_id
RETURNING notification_id
