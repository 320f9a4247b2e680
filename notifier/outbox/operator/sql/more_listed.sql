-- Fragment: whether more than the newest :listed deliveries have one of the search terms {argument}.
EXISTS (
  SELECT FROM unnest(ARRAY[{argument}]) AS wanted (term), LATERAL (
    SELECT count(*) AS listed FROM (
      SELECT FROM search_terms s WHERE s.term = wanted.term AND in_days(s.notification_id)
      ORDER BY s.notification_id DESC LIMIT :listed + 1  -- in the order of the index, so that it is not a scan
    ) AS few
  ) AS newest WHERE newest.listed > :listed
)
