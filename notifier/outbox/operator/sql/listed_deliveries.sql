-- Fragment: the deliveries of listed days that have, or had, one of some statuses: {argument} are their search terms, whose
-- kind is 3. LIMIT 1 makes Postgres look each of them up by its id: it would rather read the whole day.
(SELECT DISTINCT s.notification_id FROM search_terms s
 WHERE s.term IN ({argument}) AND in_days(s.notification_id)
) AS listed CROSS JOIN LATERAL (
  SELECT * FROM deliveries d
  WHERE d.notification_id = listed.notification_id AND in_days(d.notification_id) LIMIT 1
) AS d
