-- Fragment: the deliveries of listed days that are, or were, failed or pending: by their search terms, whose kind 3 is
-- the status. LIMIT 1 makes Postgres look each of them up by its id: it would rather read the whole day.
(SELECT DISTINCT s.notification_id FROM search_terms s
 WHERE s.term IN (hashtextextended('failed', 3), hashtextextended('pending', 3)) AND in_days(s.notification_id)
) AS listed CROSS JOIN LATERAL (
  SELECT * FROM deliveries d
  WHERE d.notification_id = listed.notification_id AND in_days(d.notification_id) LIMIT 1
) AS d
