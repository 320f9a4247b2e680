-- The relay publishes everything of this :channel that waits at its next look, also what no bridge has marked yet as
-- published: workers may have taken it from the broker and left it alone, because the channel did not run.
UPDATE publications SET due_at = now() WHERE channel = :channel
