-- Reading failed with :error. The lease is prolonged by :ttl seconds; or, with :rest, given back, and no bridge takes
-- the rewind for so many seconds. :gone says that DynamoDB has no such shard: returns for how many seconds it has said
-- so. The time is kept in the row, because one bridge alone may not hold the rewind for long enough.
UPDATE rewinds SET
  error = :error,
  gone_since = CASE WHEN :gone THEN coalesce(gone_since, now()) ELSE gone_since END,
  again_at = now() + make_interval(secs => CAST(:rest AS float8)),
  owner = CASE WHEN CAST(:rest AS float8) IS NULL THEN owner END,
  lease_until = CASE WHEN CAST(:rest AS float8) IS NULL THEN now() + make_interval(secs => :ttl) END
WHERE {lease_is_held}
RETURNING extract(epoch FROM now() - gone_since)::float8
