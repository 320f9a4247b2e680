-- How many days are kept, as days_to_keep.sql returns it; :keep is stored in `retention` if it is the largest so far.
SELECT keep_at_least(:keep)
