-- Lock the records of the :shard with these sequence :numbers that are in quarantine: another process, perhaps with other
-- routes, that makes a notification of one waits, and finds it recorded then.
SELECT FROM quarantine
WHERE shard = :shard AND replayed_at IS NULL AND sequence_number = ANY(CAST(:numbers AS text[]))
ORDER BY id FOR UPDATE
