-- A :destination has not accepted updates: each is due again in so many of the :seconds. Arrays of equal length: :ids
-- of the notifications, the :numbers, :seconds and :errors.
UPDATE status_updates u SET failures = u.failures + 1, error = given.error,
  due_at = now() + make_interval(secs => given.seconds)
FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[]), CAST(:seconds AS float8[]), CAST(:errors AS text[]))
  AS given (id, number, seconds, error)
WHERE u.notification_id = given.id AND u.number = given.number AND u.destination = :destination
