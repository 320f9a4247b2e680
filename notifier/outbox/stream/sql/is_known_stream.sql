-- Whether there is a stream :arn.
SELECT EXISTS (SELECT FROM streams WHERE arn = :arn)
