-- Drop the partitions of an empty :day, those of one table a call. Returns `more` if some are left, `dropped` after the
-- last one, `gone` if another process dropped them. Fails if a lock is not free at once.
SELECT drop_day(:day)
