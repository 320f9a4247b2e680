-- Why the records :ids still cannot be understood: :errors.
UPDATE quarantine q SET error = judged.error
FROM unnest(CAST(:ids AS bigint[]), CAST(:errors AS text[])) AS judged (id, error)
WHERE q.id = judged.id AND q.replayed_at IS NULL AND q.error <> judged.error
