"""Bridges that freeze in the middle of a page: SIGSTOP while they hold the row of a shard."""
