-- How many of the rewinds :ids pause after an error. One that waits for room in a queue, :room, has none.
SELECT count(*) FROM rewinds
WHERE ended_at IS NULL AND id = ANY(CAST(:ids AS bigint[])) AND again_at > now()
  AND error IS NOT NULL AND NOT starts_with(error, :room)
