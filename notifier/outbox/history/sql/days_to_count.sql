-- At most 20 days to count, oldest first: days that ended two days ago or earlier and are not counted, or changed more
-- than :rest seconds ago after they were counted.
WITH existing AS ({existing_days})
SELECT day FROM existing LEFT JOIN days USING (day)
WHERE day <= (now() AT TIME ZONE 'UTC')::date - 2
  AND (days.state IS NULL OR days.state = 'counting'
       OR days.state = 'changed' AND days.changed_at <= now() - make_interval(secs => :rest))
ORDER BY day LIMIT 20
