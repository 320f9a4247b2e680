-- Up to :limit updates that have no destination yet → one row for each of the :destinations, in one statement: an
-- update is never without a row. Counts them. Returns how many updates were taken.
WITH taken AS (
  DELETE FROM status_updates WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM status_updates WHERE destination = '' ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
  ))
  RETURNING notification_id, number, status, attempt, reason, at
), assigned AS (
  INSERT INTO status_updates (notification_id, number, destination, status, attempt, reason, at)
  SELECT notification_id, number, wanted.destination, status, attempt, reason, at
  FROM taken CROSS JOIN unnest(CAST(:destinations AS text[])) AS wanted (destination)
  ON CONFLICT DO NOTHING
  RETURNING destination
), counted AS (
  INSERT INTO status_destinations AS known (destination, assigned)
  SELECT destination, count(*) FROM assigned GROUP BY destination ORDER BY destination
  ON CONFLICT (destination) DO UPDATE SET assigned = known.assigned + excluded.assigned
)
SELECT count(*) FROM taken
