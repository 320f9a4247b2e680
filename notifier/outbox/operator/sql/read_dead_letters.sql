-- The newest messages of the feedback queue that could not be used, except those that an operator has acknowledged.
SELECT id, error, received_at FROM dead_letters
WHERE received_at > {acknowledged_at dead letters}
ORDER BY id DESC LIMIT :limit
