-- Delete the publications :ids: none of their deliveries is pending.
DELETE FROM publications WHERE id = ANY(:ids)
