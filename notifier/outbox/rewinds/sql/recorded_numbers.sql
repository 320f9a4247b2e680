-- Sequence numbers and routes of notifications of the :shard whose ids lie between :firsts and :lasts. The ids of all
-- notifications of one millisecond are adjacent, whatever their routes are called.
SELECT n.sequence_number, n.route
FROM unnest(CAST(:firsts AS uuid[]), CAST(:lasts AS uuid[])) AS moment (first, last)
JOIN notifications n ON n.notification_id >= moment.first AND n.notification_id < moment.last
WHERE n.shard = :shard AND in_days(n.notification_id)
