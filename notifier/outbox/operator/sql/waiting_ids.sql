-- Deliveries that wait for another attempt, of how many each is one, and whether that is in `due`; the others are in
-- publications. Up to :most retries, and publications with so many messages as :publications have at most, are all
-- read. If there are more: the retries in about :pages pages of `due`, and a share of the publications.
WITH first_ones AS (
  SELECT notification_id FROM due WHERE kind = 'retry' ORDER BY due_at LIMIT CAST(:most AS int8) + 1
), few AS (
  SELECT count(*) <= :most AS are_all FROM first_ones
), share AS (
  SELECT least(1.0, CAST(:pages AS float8) / greatest(1, pg_relation_size('due') / 8192)) AS of_retries,
         least(1.0, CAST(:publications AS float8) / greatest(1, (SELECT count(*) FROM publications))) AS of_publications
)
SELECT notification_id, 1.0::float8 AS stands_for, true AS in_due FROM first_ones WHERE (SELECT are_all FROM few)
UNION ALL
SELECT notification_id, 1 / (SELECT of_retries FROM share), true
FROM due TABLESAMPLE SYSTEM ((SELECT of_retries * 100 FROM share)) REPEATABLE (1)
WHERE kind = 'retry' AND NOT (SELECT are_all FROM few)
UNION ALL
SELECT notification_id, 1 / (SELECT of_publications FROM share), false
FROM (
  SELECT DISTINCT unnest(notification_ids) AS notification_id
  FROM publications TABLESAMPLE BERNOULLI ((SELECT of_publications * 100 FROM share)) REPEATABLE (1)
) AS published
