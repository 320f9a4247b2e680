-- The database's clock in Unix seconds.
SELECT extract(epoch FROM clock_timestamp())
