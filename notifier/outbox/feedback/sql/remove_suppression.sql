-- Write to an :address of a :channel again about a :topic: '' is the entry for everything, '*' the one for every topic,
-- NULL removes every entry.
DELETE FROM suppressions
WHERE channel = :channel AND address = :address AND (CAST(:topic AS text) IS NULL OR topic = :topic)
