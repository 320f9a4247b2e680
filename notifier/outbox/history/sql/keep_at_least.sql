-- The same, and :keep is kept on record if it is the most so far.
SELECT keep_at_least(:keep)
