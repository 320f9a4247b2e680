-- No event joins the digests of these leaders any more. Arrays of equal length: the :closed leaders and their :members,
-- with one null where a leader has none.
UPDATE deliveries d SET members = closed.members
FROM (
  SELECT leader, coalesce(array_agg(member) FILTER (WHERE member IS NOT NULL), '{}') AS members
  FROM unnest(CAST(:closed AS uuid[]), CAST(:members AS uuid[])) AS pair (leader, member) GROUP BY leader
) AS closed
WHERE d.notification_id = closed.leader AND in_days(d.notification_id)
