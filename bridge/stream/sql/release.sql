-- Give :shards back at once. From: shards that :owner holds under these :epochs.
UPDATE shards SET owner = NULL, lease_until = NULL
WHERE owner = :owner AND (id, epoch) IN (SELECT * FROM unnest(CAST(:shards AS int[]), CAST(:epochs AS bigint[])))
