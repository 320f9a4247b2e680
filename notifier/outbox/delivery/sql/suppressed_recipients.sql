-- Which recipients are suppressed; a notification may have several. (For one of each, begin.sql has barred.sql.)
-- Parameters: arrays of equal length with the :ids of notifications, the :addresses of recipients, what may be :spelled
-- in suppressions instead (the address itself, or a hash of people who were erased), the :topics, and whether the
-- message is :transactional; the :channel.
SELECT DISTINCT wanted.id, wanted.address
FROM unnest(
  CAST(:ids AS uuid[]), CAST(:addresses AS text[]), CAST(:spelled AS text[]), CAST(:topics AS text[]),
  CAST(:transactional AS bool[])
) AS wanted (id, address, spelled, topic, transactional)
JOIN suppressions s ON s.channel = :channel AND s.address = wanted.spelled
  AND s.topic IN ('', wanted.topic, CASE WHEN wanted.topic <> '' THEN '*' ELSE '' END)
WHERE NOT (wanted.transactional AND s.reason = 'unsubscribe')
