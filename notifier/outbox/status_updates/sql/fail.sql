-- A :destination has not accepted updates: each is due again in so many of the :seconds. Arrays of equal length: :ids
-- of the notifications, the :numbers, :seconds and :errors.
UPDATE status_updates u SET failures = u.failures + 1, error = told.error,
  due_at = now() + make_interval(secs => told.seconds)
FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[]), CAST(:seconds AS float8[]), CAST(:errors AS text[]))
  AS told (id, number, seconds, error)
WHERE u.notification_id = told.id AND u.number = told.number AND u.destination = :destination
