-- Whether one of the :spellings is suppressed.
SELECT EXISTS (SELECT FROM suppressions WHERE address = ANY(CAST(:spellings AS text[])))
