-- Fragment: the beginning of a statement that needs to know who is suppressed: `wanted` has the recipients, and `barred`
-- the ids of those that are suppressed. Parameters: arrays of equal length with the :ids, the :addresses of the
-- recipients as `suppressions` has them, the :topics, whether the message is :transactional (sent although the recipient
-- has unsubscribed), the versions of the :templates (null without one), and who gets the message :further (null: nobody;
-- otherwise the text of an array); in :hashes what else may be suppressed for the ids in :hashed (hashes of addresses, or
-- other addresses); the :channel.
WITH wanted AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:addresses AS text[]), CAST(:topics AS text[]), CAST(:transactional AS bool[]),
    CAST(:templates AS text[]), CAST(:further AS text[])
  ) AS wanted (id, address, topic, transactional, template, further)
), spelled AS (  -- the addresses, and the :hashes that stand for those of :hashed ids once a person is erased
  SELECT id, address, topic, transactional FROM wanted
  UNION ALL
  SELECT wanted.id, erased.hash, wanted.topic, wanted.transactional
  FROM unnest(CAST(:hashed AS uuid[]), CAST(:hashes AS text[])) AS erased (id, hash) JOIN wanted USING (id)
), barred AS (  -- suppressed recipients, with the gravest reason
  SELECT spelled.id, min(s.reason) AS reason
  FROM spelled JOIN suppressions s
    ON s.channel = :channel AND s.address = spelled.address
    AND s.topic IN ('', spelled.topic, CASE WHEN spelled.topic <> '' THEN '*' ELSE '' END)
  WHERE NOT (spelled.transactional AND s.reason = 'unsubscribe')
  GROUP BY spelled.id
)