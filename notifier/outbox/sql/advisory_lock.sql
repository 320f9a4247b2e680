-- Wait for the lock :key, which one transaction at a time has, until it ends.
SELECT pg_advisory_xact_lock(:key)
