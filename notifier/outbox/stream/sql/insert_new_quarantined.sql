-- The same for those that are not in quarantine yet. Returns their sequence numbers.
{insert_quarantined} ON CONFLICT (shard, sequence_number) DO NOTHING RETURNING sequence_number
