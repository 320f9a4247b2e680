-- A pending delivery for each notification of a page, with the statuses of which the product wants an update.
COPY deliveries (notification_id, wanted_updates) FROM STDIN (FORMAT BINARY)
