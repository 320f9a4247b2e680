-- Notifications of a :shard of a :table that do not exist yet, with their pending deliveries. Returns the ids of those
-- that are new. Parameters: an array of each column.
WITH fresh AS (
  INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record)
  SELECT id, :shard, number, route, channel, :table, record
  FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS text[]), CAST(:routes AS text[]), CAST(:channels AS text[]),
              CAST(:records AS bytea[])) AS made (id, number, route, channel, record)
  ON CONFLICT DO NOTHING RETURNING notification_id
)
INSERT INTO deliveries (notification_id) SELECT notification_id FROM fresh RETURNING notification_id
