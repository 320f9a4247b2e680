-- Fragment: as listed_deliveries, of each status the newest :listed.
(SELECT DISTINCT newest.notification_id
 FROM unnest(ARRAY[{argument}]) AS wanted (term), LATERAL (
   SELECT s.notification_id FROM search_terms s WHERE s.term = wanted.term AND in_days(s.notification_id)
   ORDER BY s.notification_id DESC LIMIT :listed
 ) AS newest
) AS listed CROSS JOIN LATERAL (
  SELECT * FROM deliveries d
  WHERE d.notification_id = listed.notification_id AND in_days(d.notification_id) LIMIT 1
) AS d
