"""The simulated account of DynamoDB: tables, streams, shards, records, iterators."""
