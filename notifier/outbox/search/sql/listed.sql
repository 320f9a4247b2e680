-- Ids of notifications with one of the terms, from :first on and before :end, in the order of ids ({direction}), at most
-- :step. A term is a hash of one of the :values, with the number of their :kind: 1 recipient, 2 key, 3 status.
SELECT DISTINCT found.notification_id
FROM unnest(CAST(:values AS text[])) AS wanted (value), LATERAL (
  SELECT DISTINCT s.notification_id FROM search_terms s
  WHERE s.term = hashtextextended(wanted.value, :kind) AND in_days(s.notification_id)
    AND s.notification_id >= :first AND s.notification_id < :end
  ORDER BY s.notification_id {direction} LIMIT :step
) AS found
ORDER BY found.notification_id {direction} LIMIT :step
