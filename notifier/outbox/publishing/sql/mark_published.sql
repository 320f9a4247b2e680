-- The broker has the messages of the publications :ids. The relay looks at them again in :look_again seconds. Not those
-- that are due: the relay looks at them now, because they were not marked in time, or because the broker may have lost
-- its messages after these were published. Nor those that another transaction holds: it makes them due, or is a relay's.
-- To wait for it could end in a deadlock.
UPDATE publications SET published_at = now(), due_at = now() + make_interval(secs => :look_again)
WHERE id IN (SELECT id FROM publications WHERE id = ANY(:ids) AND due_at > now() FOR UPDATE SKIP LOCKED)
