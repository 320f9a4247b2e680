-- Sequence numbers and routes of notifications of the :shard whose ids lie between :firsts and :lasts. The ids of all
-- notifications of one millisecond are adjacent, whatever their routes are called.
-- OFFSET 0, so that each range is read from the index: Postgres cannot know how few ids are in one, and may expect that
-- to read a whole day once is less.
SELECT found.sequence_number, found.route
FROM unnest(CAST(:firsts AS uuid[]), CAST(:lasts AS uuid[])) AS moment (first, last)
CROSS JOIN LATERAL (
  SELECT n.sequence_number, n.route FROM notifications n
  WHERE n.notification_id >= moment.first AND n.notification_id < moment.last
    AND n.shard = :shard AND in_days(n.notification_id)
  OFFSET 0
) AS found
