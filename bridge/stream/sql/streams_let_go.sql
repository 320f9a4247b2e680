-- The streams of :table that an operator let go.
SELECT arn FROM streams WHERE table_name = :table AND let_go_at IS NOT NULL
