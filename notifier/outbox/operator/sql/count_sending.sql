-- Deliveries that are being sent, by channel.
SELECT channel, sum(cardinality(notification_ids))::int8 FROM claims GROUP BY channel
