-- Fragment: all deliveries of the days.
(SELECT * FROM deliveries d WHERE in_days(d.notification_id)) AS d
