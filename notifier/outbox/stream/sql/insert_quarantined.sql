-- Records of a :shard that cannot be understood: their sequence :numbers, :records as they came, and :errors.
INSERT INTO quarantine (shard, sequence_number, record, error)
SELECT :shard, * FROM unnest(CAST(:numbers AS text[]), CAST(:records AS bytea[]), CAST(:errors AS text[]))
