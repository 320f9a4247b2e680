-- Store messages that could not be read: :raws as they came, with :errors. Ordered, so that two receivers with the
-- same messages do not end in a deadlock. The number of rows is the number of new ones.
INSERT INTO dead_letters (raw, error)
SELECT * FROM unnest(CAST(:raws AS bytea[]), CAST(:errors AS text[])) AS letter (raw, error) ORDER BY raw
ON CONFLICT (digest) DO NOTHING
