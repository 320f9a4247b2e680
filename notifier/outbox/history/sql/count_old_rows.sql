-- How many rows of the small table :kind are older than :keep days.
SELECT count_old_rows(:kind, :keep)
