-- The records of the :shard with these sequence :numbers leave quarantine: they are understood now.
UPDATE quarantine SET replayed_at = now()
WHERE shard = :shard AND replayed_at IS NULL AND sequence_number = ANY(CAST(:numbers AS text[]))
RETURNING sequence_number
