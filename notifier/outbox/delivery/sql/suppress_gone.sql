-- Fragment: suppress the recipients of those of the `changed` deliveries that are among the ids :gone, on the :channel,
-- for all topics. A known address changes only if the new reason is graver. One of more than 2,000 bytes, a URL, is not
-- suppressed: an entry of the index has 2,704 at most, and the error would keep all changes of the attempt from being
-- written, also those of messages that were accepted.
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, notification_id)
SELECT DISTINCT ON (d.recipient) :channel, d.recipient, '', 'hard_bounce', :worker, d.notification_id
FROM changed JOIN deliveries d ON d.notification_id = changed.notification_id AND in_days(d.notification_id)
WHERE changed.status <> 'sent' AND d.notification_id = ANY(CAST(:gone AS uuid[])) AND octet_length(d.recipient) <= 2000
ORDER BY d.recipient, d.notification_id
ON CONFLICT (channel, address, topic) DO UPDATE
  SET reason = excluded.reason, actor = excluded.actor, notification_id = excluded.notification_id
  WHERE excluded.reason < s.reason
