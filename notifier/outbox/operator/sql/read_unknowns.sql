-- Deliveries whose outcome is unknown: first those kept for an operator, then those whose deadline is next; at most
-- :limit of each.
(SELECT notification_id, kind, channel, due_at FROM due WHERE kind = 'held' ORDER BY due_at LIMIT :limit)
UNION ALL
(SELECT notification_id, kind, channel, due_at FROM due WHERE kind = 'unknown' ORDER BY due_at LIMIT :limit)
