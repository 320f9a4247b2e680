-- The notifications of a page. Fails if one of them exists.
COPY notifications (notification_id, shard, sequence_number, route, channel, table_name, record)
FROM STDIN (FORMAT BINARY)
