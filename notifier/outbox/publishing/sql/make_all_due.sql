-- The broker may have lost its messages: the relay looks at everything now, also at what no bridge has marked as
-- published yet.
UPDATE publications SET due_at = now() WHERE due_at > now()
