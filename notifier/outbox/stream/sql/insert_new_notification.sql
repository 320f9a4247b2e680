-- A notification and its pending delivery, unless the notification exists. Returns its id if it is new.
WITH fresh AS (
  INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record)
  VALUES (:id, :shard, :sequence_number, :route, :channel, :table, :record)
  ON CONFLICT DO NOTHING RETURNING notification_id
)
INSERT INTO deliveries (notification_id, wanted_updates)
SELECT notification_id, CAST(:wanted_updates AS int) FROM fresh RETURNING notification_id
