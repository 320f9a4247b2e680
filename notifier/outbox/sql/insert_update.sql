-- Fragment: status updates for the product, written by the statement that changes the deliveries. The argument is a
-- SELECT of these columns. They have no destination yet: the process that sends them knows the destinations.
-- A conflict must not make the change of the delivery fail.
INSERT INTO status_updates (notification_id, number, status, attempt, reason)
{argument}
ON CONFLICT DO NOTHING
