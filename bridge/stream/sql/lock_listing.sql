-- Try to take the lock :key for this transaction, and let the server end it after :seconds (with unit) without a
-- statement.
SELECT pg_try_advisory_xact_lock(:key), set_config('idle_in_transaction_session_timeout', :seconds, true)
