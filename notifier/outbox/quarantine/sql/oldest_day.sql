-- The oldest day of which notifications are kept, if :keep days are: by the database's clock.
SELECT (now() AT TIME ZONE 'UTC')::date - CAST(:keep AS int)
