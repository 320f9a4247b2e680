-- The newest actions, at most :limit. '' or null as a parameter selects all. :actor is a part of the name in any
-- case; :scope is a part of the scope or of the reason; :since and :until bound the time.
SELECT id, at, actor, action, reason, scope, deliveries FROM operations
WHERE (:actor = '' OR strpos(lower(actor), lower(:actor)) > 0) AND (:action = '' OR action = :action)
  AND (:scope = '' OR strpos(scope, :scope) > 0 OR strpos(reason, :scope) > 0)
  AND (CAST(:since AS timestamptz) IS NULL OR at >= :since) AND (CAST(:until AS timestamptz) IS NULL OR at < :until)
ORDER BY id DESC LIMIT :limit
