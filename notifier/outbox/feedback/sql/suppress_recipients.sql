-- Suppress the recipients that events name. Arrays of equal length: :ids (of the notifications), :reasons, :topics,
-- :addresses, :attempts, :message_ids.
-- The address is the event's own: the delivery names that of its last attempt, which may be another. An event without
-- an address counts only if it is of the message and the attempt that the delivery names, and of its channel: a delivery
-- that has gone on names an address of another one.
-- What changes of a known address: add_suppression.sql.
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, notification_id, opted_out)
SELECT DISTINCT ON (barred.address, barred.topic)
       :channel, barred.address, barred.topic, barred.reason, :actor, barred.id,
       bool_or(barred.reason = 'unsubscribe') OVER (PARTITION BY barred.address, barred.topic)
FROM (
  SELECT given.id, given.reason, given.topic, coalesce(given.address, d.recipient) AS address
  FROM unnest(
    CAST(:ids AS uuid[]), CAST(:reasons AS text[]), CAST(:topics AS text[]), CAST(:addresses AS text[]),
    CAST(:attempts AS int[]), CAST(:message_ids AS text[])
  ) AS given (id, reason, topic, address, attempt, message_id)
  LEFT JOIN deliveries d ON d.notification_id = given.id AND in_days(d.notification_id) AND given.address IS NULL
    AND d.attempt = given.attempt AND d.provider_message_id = given.message_id AND {is_ours}
) AS barred
WHERE barred.address IS NOT NULL
ORDER BY barred.address, barred.topic, barred.reason
ON CONFLICT (channel, address, topic) DO UPDATE
  SET reason = least(s.reason, excluded.reason),
      opted_out = s.opted_out OR excluded.opted_out,
      actor = CASE WHEN excluded.reason < s.reason THEN excluded.actor ELSE s.actor END,
      notification_id = CASE WHEN excluded.reason < s.reason THEN excluded.notification_id ELSE s.notification_id END
  WHERE excluded.reason < s.reason OR excluded.opted_out AND s.reason <> 'unsubscribe' AND NOT s.opted_out
