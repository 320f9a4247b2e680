-- Fragment: at most :most of those that were found, at random, but the same ones each time. They were found in :percent
-- of the rows. `estimated`: there are more than these, or, if {argument}, there may be.
SELECT found.*, greatest(1.0, count(*) OVER () / CAST(:most AS float8)) * 100.0 / CAST(:percent AS float8) AS stands_for,
       count(*) OVER () > :most OR {argument} AS estimated
FROM found ORDER BY hashtextextended(notification_id::text, 0) LIMIT :most
