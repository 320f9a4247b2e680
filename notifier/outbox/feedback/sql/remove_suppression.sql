-- Write again to a recipient of a :channel, known by its :addresses, about a :topic: '' is the entry for everything, '*'
-- the one for every topic, NULL removes every entry, opt-outs too. If the recipient has opted out of the :topic as well,
-- only the graver reason goes: the opt-out stays, by :actor. Returns how many entries were removed or lost that reason.
WITH opted_out AS (
  UPDATE suppressions SET reason = 'unsubscribe', actor = :actor, note = NULL, notification_id = NULL
  WHERE channel = :channel AND address = ANY(CAST(:addresses AS text[])) AND topic = CAST(:topic AS text)
    AND opted_out AND reason <> 'unsubscribe'
  RETURNING address
), removed AS (
  DELETE FROM suppressions
  WHERE channel = :channel AND address = ANY(CAST(:addresses AS text[]))
    AND (CAST(:topic AS text) IS NULL OR topic = :topic AND (NOT opted_out OR reason = 'unsubscribe'))
  RETURNING address
)
SELECT count(*) FROM (TABLE opted_out UNION ALL TABLE removed) AS changed
