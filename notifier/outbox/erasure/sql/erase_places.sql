-- Delete the places that the recipients with these :spellings have of limits; :change false only counts. Returns how
-- many rows there were. They are locked in the order in which take_places.sql locks them, so that the two do not end in a
-- deadlock.
WITH its AS (
  SELECT scope, recipient FROM limit_places
  WHERE recipient IN (SELECT sha256(convert_to(spelling, 'UTF8')) FROM unnest(CAST(:spellings AS text[])) AS spelling)
), locked AS (
  SELECT p.scope, p.recipient FROM limit_places p JOIN its USING (scope, recipient)
  WHERE CAST(:change AS bool) ORDER BY p.scope, p.recipient FOR UPDATE OF p
), gone AS (
  DELETE FROM limit_places p USING locked WHERE p.scope = locked.scope AND p.recipient = locked.recipient
)
SELECT count(*) FROM its
