-- An operator reduces the days to keep to :keep for all processes, for the reason :why.
SELECT shorten_days(:keep, :why)
