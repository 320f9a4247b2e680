-- What a key collects now: its :leader and :members, and until when (:closes_at). :pause is how many seconds the next
-- message waits after this one.
UPDATE digests SET leader = :leader, members = CAST(:members AS uuid[]), closes_at = :closes_at, pause = :pause
WHERE key = :key
