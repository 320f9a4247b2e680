-- How many days are kept, 0 for all: the most of :keep and of what explicit settings of other processes say.
SELECT days_to_keep(:keep)
