-- Whether any of :parents, which children in a listing of the stream :arn name, was :created (Unix seconds) after the
-- stream was found and has no row. The condition is unseen_parents.sql.
SELECT EXISTS (SELECT {unseen_parents})
