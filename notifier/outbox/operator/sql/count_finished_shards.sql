-- How many shards are read to their end.
SELECT count(*) AS finished FROM shards WHERE state = 'finished'
