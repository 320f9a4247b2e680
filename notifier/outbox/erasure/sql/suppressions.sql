-- The suppressions of the :spellings.
SELECT channel, address FROM suppressions WHERE address = ANY(CAST(:spellings AS text[]))
