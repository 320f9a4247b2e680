-- Up to :limit claims whose lease has ended, from :after on (DueScan), and the database's time. One row with nulls
-- where there is none.
SELECT now(), ended.token, ended.notification_ids FROM (VALUES (1)) AS always LEFT JOIN (
  SELECT token, notification_ids FROM claims
  WHERE lease_until < now() AND lease_until >= :after ORDER BY lease_until LIMIT :limit
) AS ended ON true
