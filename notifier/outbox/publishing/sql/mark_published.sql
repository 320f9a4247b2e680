-- The broker has the messages of the publications :ids. The relay looks at them again in :look_again seconds.
UPDATE publications SET published_at = now(), due_at = now() + make_interval(secs => :look_again)
WHERE id = ANY(:ids)
