-- Write again to a recipient of a :channel, known by its :addresses, about a :topic: '' is the entry for everything, '*'
-- the one for every topic, NULL removes every entry.
DELETE FROM suppressions
WHERE channel = :channel AND address = ANY(CAST(:addresses AS text[]))
  AND (CAST(:topic AS text) IS NULL OR topic = :topic)
