-- Reduce publications to the messages that are still due: pairs of :publications and ids :waiting. With :anew they were
-- published again. The relay looks at them again in :look_again seconds.
UPDATE publications p SET notification_ids = held.ids,
  published_at = CASE WHEN :anew THEN now() ELSE p.published_at END,
  due_at = now() + make_interval(secs => :look_again)
FROM (
  SELECT publication, array_agg(id ORDER BY place) AS ids
  FROM unnest(CAST(:publications AS int8[]), CAST(:waiting AS uuid[])) WITH ORDINALITY AS one (publication, id, place)
  GROUP BY publication
) held
WHERE p.id = held.publication
