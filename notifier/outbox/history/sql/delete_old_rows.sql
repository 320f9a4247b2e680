-- Delete at most :most rows of the small table :kind that are older than :keep days. Returns how many.
SELECT forget_rows(:kind, :keep, :most)
