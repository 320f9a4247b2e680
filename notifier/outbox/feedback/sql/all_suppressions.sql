-- All suppressions, in the order of their primary key.
SELECT channel, address, topic, reason, note, since FROM suppressions ORDER BY channel, address, topic
