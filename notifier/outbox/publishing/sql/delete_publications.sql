-- Nothing in the publications :ids is pending any more.
DELETE FROM publications WHERE id = ANY(:ids)
