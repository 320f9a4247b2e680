-- How many bridges hold open shards now.
SELECT count(DISTINCT owner) FROM shards WHERE state = 'open' AND lease_until >= now()
