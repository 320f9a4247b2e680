-- The broker may have lost its messages: the relay looks at everything that was published now.
UPDATE publications SET due_at = now() WHERE published_at IS NOT NULL
