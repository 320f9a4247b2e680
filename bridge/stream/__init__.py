"""DynamoDB Streams: client, tree of shards, leases, readers, gaps, rewinds; records become pages of the outbox."""
