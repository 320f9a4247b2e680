-- A page was read again, with :examined records: set the :position after it, and prolong the lease by :ttl seconds.
-- With an :outcome ('done', 'gone') the rewind ends. Changes no row if the lease is not held, or the position is not
-- :previous: then another bridge has it, or the answer to the last page was lost.
UPDATE rewinds SET
  position = :position, examined = examined + :examined, outcome = CAST(:outcome AS text),
  ended_at = CASE WHEN CAST(:outcome AS text) IS NOT NULL THEN now() END,
  owner = CASE WHEN CAST(:outcome AS text) IS NULL THEN owner END,
  lease_until = CASE WHEN CAST(:outcome AS text) IS NULL THEN now() + make_interval(secs => :ttl) END,
  gone_since = NULL, again_at = NULL, error = CASE WHEN CAST(:outcome AS text) = 'gone' THEN error END
WHERE {lease_is_held}
  AND position IS NOT DISTINCT FROM CAST(:previous AS text)
