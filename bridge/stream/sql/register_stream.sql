-- Insert the stream :arn of :table, which was switched on at :made_at (NULL if unknown), unless it is known.
--
-- It is looked up before it is inserted: each insert takes a number from a sequence, also one that conflicts.
-- What was in the first stream of a table before it was found is no loss, so that one counts from now on. Later streams
-- of the table count from the moment they were switched on.
INSERT INTO streams (arn, table_name, discovered_at)
SELECT :arn, :table,
       CASE WHEN min(discovered_at) IS NULL OR CAST(:made_at AS timestamptz) IS NULL THEN now()
            ELSE least(now(), greatest(min(discovered_at), CAST(:made_at AS timestamptz))) END
FROM streams WHERE table_name = :table
HAVING NOT EXISTS (SELECT FROM streams WHERE arn = :arn)
ON CONFLICT (arn) DO NOTHING
