-- Whether there are such parents; see unseen_parents.sql.
SELECT EXISTS (SELECT {unseen_parents})
