-- Fragment: the first key of the advisory lock of a transaction that records a page of a shard. The second is shards.id.
1852797033
