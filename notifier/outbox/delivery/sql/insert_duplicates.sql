-- Count message ids that the provider accepted in addition to the one that the delivery names. :message_ids are those
-- of :ids, in the same order. Changes no delivery. The number of rows is the number of duplicates not counted before.
-- Ordered, so that two transactions with the same rows do not end in a deadlock.
INSERT INTO duplicates (notification_id, message_id)
SELECT DISTINCT proof.id, proof.message_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:message_ids AS text[])) AS proof (id, message_id)
JOIN deliveries d ON d.notification_id = proof.id AND in_days(d.notification_id)
WHERE d.provider_message_id <> proof.message_id
ORDER BY proof.id, proof.message_id
ON CONFLICT DO NOTHING
