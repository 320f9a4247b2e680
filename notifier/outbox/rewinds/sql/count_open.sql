-- How many of the rewinds :ids have not ended.
SELECT count(*) FROM rewinds WHERE ended_at IS NULL AND id = ANY(CAST(:ids AS bigint[]))
