-- Fragment: a time before which everything in the shard `s` is recorded.
coalesce(greatest(s.caught_up_at, s.last_record_at), s.discovered_at)
