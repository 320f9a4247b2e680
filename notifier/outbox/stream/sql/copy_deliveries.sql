-- A pending delivery for each notification of a page.
COPY deliveries (notification_id) FROM STDIN (FORMAT BINARY)
