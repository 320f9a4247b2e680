-- Counted -> empty: delete the rows of a :day that is older than :keep days and of which every delivery is final.
-- Returns why it was not done, null if it was.
SELECT empty_day(:day, :keep)
