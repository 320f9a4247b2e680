-- The database's time, in seconds since 1970.
SELECT extract(epoch FROM now())::float8
