-- Fragment: the deliveries of the step that match. LIMIT 1 makes Postgres look each notification up by its id: it
-- would rather read the whole day.
FROM ({step}) AS d CROSS JOIN LATERAL (
  SELECT * FROM notifications n WHERE n.notification_id = d.notification_id AND in_days(n.notification_id) LIMIT 1
) AS n WHERE d.fits AND {notification_matches}
