-- How many days have partitions, the oldest one, and its age in days.
WITH existing AS ({existing_days})
SELECT count(*) AS days, min(day) AS oldest, coalesce((now() AT TIME ZONE 'UTC')::date - min(day), 0) AS age
FROM existing
