-- How many messages all publications have.
SELECT coalesce(sum(cardinality(notification_ids)), 0) FROM publications
