-- Take a place for each notification that may begin under :token: it is due, it is for the :channel, which runs, and its
-- recipient is not suppressed.
-- Parameters: those of barred.sql, those of limited.sql for some of the same ids, the :token, and whether this attempt is
-- :probing a parked channel.
-- A notification that has a place keeps it, and the place moves to now: a retry counts once. The others take one while
-- fewer than its limit are taken, in the order of their ids.
-- Deliveries are locked first, in the order of their ids, also those without a limit, which the same transaction begins:
-- an operator or feedback that locks some of both would otherwise end in a deadlock with it. Then places: the row of a
-- recipient is locked by the first that inserts or updates it; the next one waits, and sees its places: so of two at once
-- only one takes the last place. `now()` may be a little earlier than that of the one it waited for, whose places count
-- all the same.
-- A repeated call with the same token finds what the first one has begun, and leaves it its place.
-- `wanted.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
-- Returns the ids without a place, how many places are taken and when the next one is free.
{barred}
, limited AS MATERIALIZED ({limited})
, locked AS MATERIALIZED (
  SELECT wanted.id, d.status = 'pending' AS is_pending
  FROM deliveries d JOIN wanted ON wanted.id = d.notification_id
  WHERE d.notification_id = wanted.id AND in_days(d.notification_id)
    AND (wanted.id IS NULL OR {is_due} AND {is_ours} AND {channel_runs} OR d.status = 'sending' AND d.token = :token)
  ORDER BY wanted.id
  FOR UPDATE OF d
), open AS MATERIALIZED (
  SELECT limited.*, locked.is_pending
  FROM locked JOIN limited USING (id)
  WHERE NOT (locked.is_pending AND EXISTS (SELECT FROM barred WHERE barred.id = limited.id))
), asked AS (
  SELECT scope, recipient, min(most) AS most, max(per) AS per, array_agg(id ORDER BY id) AS ids
  FROM open GROUP BY scope, recipient
), taken AS (
  INSERT INTO limit_places AS p (scope, recipient, ids, since, ends_at)
  SELECT scope, recipient, ids[1:most], array_fill(now(), ARRAY[least(most, cardinality(ids))]), now() + per
  FROM asked ORDER BY scope, recipient
  ON CONFLICT (scope, recipient) DO UPDATE SET (ids, since, ends_at) = (
    WITH its AS (
      SELECT asked.* FROM asked WHERE asked.scope = p.scope AND asked.recipient = p.recipient
    ), kept AS (
      SELECT place.id, CASE WHEN place.id = ANY(its.ids) THEN greatest(place.since, now()) ELSE place.since END AS since
      FROM its, unnest(p.ids, p.since) AS place (id, since)
      WHERE place.since > now() - its.per
    ), new AS (
      SELECT each.id, now() AS since
      FROM its, unnest(its.ids) AS each (id)
      WHERE each.id NOT IN (SELECT kept.id FROM kept)
      ORDER BY each.id
      LIMIT greatest(0, (SELECT its.most FROM its) - (SELECT count(*) FROM kept))
    ), every AS (
      SELECT id, since FROM kept UNION ALL SELECT id, since FROM new
    )
    SELECT array_agg(every.id ORDER BY every.since, every.id), array_agg(every.since ORDER BY every.since, every.id),
           max(every.since) + (SELECT its.per FROM its)
    FROM every
  )
  RETURNING p.scope, p.recipient, p.ids, p.since
)
SELECT open.id, cardinality(taken.ids), taken.since[cardinality(taken.ids) - open.most + 1] + open.per
FROM open JOIN taken USING (scope, recipient)
WHERE open.is_pending AND open.id <> ALL (taken.ids)
