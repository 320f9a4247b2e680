-- Fragment: the beginning of a statement that needs to know which recipients are suppressed: `wanted` has the recipients,
-- and `barred` the ids of those that are suppressed.
-- Arrays of equal length, with one element for each notification:
--   :ids            its id
--   :addresses      the address of its recipient, as `suppressions` has it
--   :topics         its topic, '' without one
--   :transactional  whether its message is sent although the recipient has unsubscribed
--   :templates      the version of its template, null without one
--   :further        its further recipients as the text of an array, null without any
--   :configuration_sets  the configuration set that it names itself, null without one
-- Two more arrays of equal length, for what else may be suppressed for a notification:
--   :hashed         its id, once for each hash
--   :hashes         the hash of an address of an erased person, or another address
-- :channel          the channel of all of them
WITH wanted AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:addresses AS text[]), CAST(:topics AS text[]), CAST(:transactional AS bool[]),
    CAST(:templates AS text[]), CAST(:further AS text[]),
    CAST(:configuration_sets AS text[])
  ) AS wanted (id, address, topic, transactional, template, further, configuration_set)
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