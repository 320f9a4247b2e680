-- Write to an :address of a :channel again about a :topic; '' is the entry for all topics, '*' removes every entry.
DELETE FROM suppressions WHERE channel = :channel AND address = :address AND (:topic = '*' OR topic = :topic)
