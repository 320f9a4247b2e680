-- Delete up to :most recipients whose places have all ended. One whose row a worker has locked is left for the next
-- time.
DELETE FROM limit_places p USING (
  SELECT scope, recipient FROM limit_places WHERE ends_at <= now() ORDER BY ends_at LIMIT :most FOR UPDATE SKIP LOCKED
) AS ended
WHERE p.scope = ended.scope AND p.recipient = ended.recipient
