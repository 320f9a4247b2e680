-- Whether there are such shards; see childless_shards.sql.
SELECT EXISTS (SELECT {childless_shards})
