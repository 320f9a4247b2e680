-- Drop the search terms of a :day that is dropped. Fails if a lock is not free at once.
SELECT unlist_day(:day)
