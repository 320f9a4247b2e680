-- How many dead letters up to {argument} no operator has acknowledged.
SELECT count(*) FROM dead_letters
WHERE received_at > {acknowledged_at dead letters} AND received_at <= {argument}
