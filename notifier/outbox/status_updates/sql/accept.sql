-- A :destination has accepted updates: they go, and are counted. Arrays of equal length: :ids of the notifications and
-- the :numbers. One that is gone already is not counted again. Returns how many went.
WITH gone AS (
  DELETE FROM status_updates u
  USING unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[])) AS given (id, number)
  WHERE u.notification_id = given.id AND u.number = given.number AND u.destination = :destination
  RETURNING 1
), counted AS (
  INSERT INTO status_destinations AS known (destination, accepted, accepted_at)
  SELECT :destination, count(*), now() FROM gone HAVING count(*) > 0
  ON CONFLICT (destination) DO UPDATE
    SET accepted = known.accepted + excluded.accepted, accepted_at = now(), error = NULL, failed_at = NULL
)
SELECT count(*) FROM gone
