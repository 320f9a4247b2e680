-- Lock those of the records :ids that were not replayed or erased since they were read. Returns their ids.
SELECT id FROM quarantine
WHERE id = ANY(CAST(:ids AS bigint[])) AND replayed_at IS NULL AND record <> '{"erased": true}'
ORDER BY id FOR UPDATE
