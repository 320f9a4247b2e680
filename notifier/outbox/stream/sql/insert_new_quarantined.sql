-- Records of a :shard that cannot be understood and are not in quarantine yet: their sequence :numbers, :records as they
-- came, and :errors. Returns the sequence numbers of those that were inserted.
{insert_quarantined} ON CONFLICT (shard, sequence_number) DO NOTHING RETURNING sequence_number
