-- The attempt of :token was accepted with one of :message_ids for each of :ids, in the same order. Where it is the last
-- one of a delivery that has gone on to another channel, and the delivery names a message that an earlier attempt had
-- sent, it names the last message from now on: what becomes of the earlier one, on another channel, says nothing of it.
-- The earlier one is the duplicate then. finish.sql has named the last one already, but where it waited for the
-- transaction that wrote the earlier one, it did not see that: so every other message that stored events name is a
-- duplicate too.
WITH own AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:message_ids AS text[])) AS own (id, message_id)
), before AS (
  SELECT d.notification_id, d.provider_message_id AS earlier, own.message_id
  FROM deliveries d JOIN own ON own.id = d.notification_id
  WHERE in_days(d.notification_id) AND d.channel IS NOT NULL AND d.token = :token AND d.status = 'sent'
    AND d.provider_message_id IS NOT NULL
  ORDER BY d.notification_id FOR UPDATE OF d
), named AS (
  UPDATE deliveries d SET provider_message_id = before.message_id FROM before
  WHERE d.notification_id = before.notification_id AND in_days(d.notification_id)
    AND before.earlier <> before.message_id
), once AS (
  DELETE FROM duplicates x USING before
  WHERE x.notification_id = before.notification_id AND x.message_id = before.message_id
)
INSERT INTO duplicates (notification_id, message_id)
SELECT notification_id, earlier FROM before WHERE earlier <> message_id
UNION
SELECT before.notification_id, f.message_id
FROM before JOIN feedback f ON f.notification_id = before.notification_id AND in_days(f.notification_id)
WHERE f.message_id <> before.message_id
ON CONFLICT DO NOTHING
