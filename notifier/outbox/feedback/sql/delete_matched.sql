-- Delete events that are settled. Arrays of equal length: :message_ids, :kinds, :occurred.
DELETE FROM unmatched_feedback u USING
unnest(CAST(:message_ids AS text[]), CAST(:kinds AS text[]), CAST(:occurred AS timestamptz[]))
  AS given (message_id, kind, occurred_at)
WHERE u.message_id = given.message_id AND u.kind = given.kind AND u.occurred_at = given.occurred_at
