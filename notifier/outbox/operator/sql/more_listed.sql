-- Fragment: whether more than the newest :listed deliveries have one of the search terms {argument}.
EXISTS (
  SELECT FROM unnest(ARRAY[{argument}]) AS wanted (term), LATERAL (
    SELECT count(*) AS listed FROM (
      SELECT FROM search_terms s WHERE s.term = wanted.term AND in_days(s.notification_id) LIMIT :listed + 1
    ) AS few
  ) AS newest WHERE newest.listed > :listed
)
