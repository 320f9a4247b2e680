-- Fragment: the deliveries in :percent of the pages of the days, the same pages each time.
(SELECT * FROM deliveries d TABLESAMPLE SYSTEM (:percent) REPEATABLE (1) WHERE in_days(d.notification_id)) AS d
