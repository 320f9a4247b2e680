-- The broker has the messages of the publications :ids. The relay looks at them again in :look_again seconds. Not those
-- that are due: the relay looks at them now, because they were not marked in time, or because the broker may have lost
-- its messages after these were published.
UPDATE publications SET published_at = now(), due_at = now() + make_interval(secs => :look_again)
WHERE id = ANY(:ids) AND due_at > now()
