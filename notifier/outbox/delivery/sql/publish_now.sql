-- The relay publishes everything of this :channel that waits at its next look.
UPDATE publications SET due_at = now() WHERE channel = :channel AND (published_at IS NOT NULL OR due_at < now())
