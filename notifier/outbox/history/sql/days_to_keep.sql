-- How many days are kept, 0 for all: :keep, or the number stored in `retention` if that is larger.
SELECT days_to_keep(:keep)
