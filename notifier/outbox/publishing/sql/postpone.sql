-- The relay looks at the publications :ids in :seconds.
UPDATE publications SET due_at = now() + make_interval(secs => :seconds) WHERE id = ANY(:ids)
