-- Deliveries with a retry or a deadline, by channel and kind. Exact up to :exact of a kind. In an outage there may be
-- millions: then those in about :pages pages of the table are counted, and the number is multiplied accordingly.
-- The order is that of the index: without it Postgres reads the whole table for a kind that has no row.
WITH first_ones AS (
  SELECT few.channel, few.kind FROM unnest(ARRAY['retry', 'scheduled', 'unknown', 'held']) AS wanted (kind), LATERAL (
    SELECT channel, kind FROM due WHERE due.kind = wanted.kind ORDER BY due.due_at LIMIT CAST(:exact AS int8) + 1
  ) AS few
), many AS (
  SELECT kind FROM first_ones GROUP BY kind HAVING count(*) > :exact
), share AS (
  SELECT least(1.0, CAST(:pages AS float8) / greatest(1, pg_relation_size('due') / 8192)) AS read
)
SELECT channel, kind, count(*) FROM first_ones WHERE kind NOT IN (SELECT kind FROM many) GROUP BY channel, kind
UNION ALL
SELECT channel, kind, round(count(*) / (SELECT read FROM share))::int8
FROM due TABLESAMPLE SYSTEM ((SELECT read * 100 FROM share)) REPEATABLE (1)
WHERE EXISTS (SELECT FROM many) AND kind IN (SELECT kind FROM many) GROUP BY channel, kind
