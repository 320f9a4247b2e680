-- Keep the unknown outcomes :ids for an operator: they have no deadline any more. Their status stays unknown.
UPDATE due SET kind = 'held' WHERE notification_id = ANY(CAST(:ids AS uuid[]))
