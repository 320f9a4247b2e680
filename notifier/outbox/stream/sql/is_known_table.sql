-- Whether there is a stream of the :table.
SELECT EXISTS (SELECT FROM streams WHERE table_name = :table)
