-- Those of the notifications :ids that exist.
SELECT n.notification_id
FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) JOIN notifications n ON n.notification_id = wanted.id
WHERE in_days(n.notification_id)
