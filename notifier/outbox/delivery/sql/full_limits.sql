-- Those of the notifications whose limit is used up now, how many places are taken and when the next one is free. A
-- notification that has a place is not among them. Parameters: those of limited.sql. Locks and changes nothing.
WITH limited AS ({limited})
SELECT limited.id, cardinality(open.since), open.since[cardinality(open.since) - limited.most + 1] + limited.per
FROM limited JOIN limit_places p USING (scope, recipient), LATERAL (
  SELECT array_agg(place.id) AS ids, array_agg(place.since ORDER BY place.since) AS since
  FROM unnest(p.ids, p.since) AS place (id, since)
  WHERE place.since > now() - limited.per
) AS open
WHERE cardinality(open.since) >= limited.most AND limited.id <> ALL (open.ids)
