-- Fragment: the notifications of the step that match. LIMIT 1 as in matching_deliveries.sql.
FROM ({step}) AS n CROSS JOIN LATERAL (
  SELECT * FROM deliveries d WHERE d.notification_id = n.notification_id AND in_days(d.notification_id) LIMIT 1
) AS d WHERE n.fits AND {delivery_matches}
