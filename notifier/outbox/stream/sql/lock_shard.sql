-- Lock the row of a shard whose lease is held: no row if it is not. Parameters: those of {lease_is_held}.
SELECT FROM shards WHERE {lease_is_held} FOR UPDATE
