-- The days that are older than the days to keep (:keep, or what the database has on record), oldest first; with the
-- reason why a day stays, null if it may be deleted.
WITH existing AS ({existing_days})
SELECT day, CASE WHEN days.state IN ('empty', 'dropping') THEN 'being dropped' ELSE day_kept(day) END AS reason
FROM existing LEFT JOIN days USING (day)
WHERE day < (now() AT TIME ZONE 'UTC')::date - nullif(days_to_keep(:keep), 0) ORDER BY day
