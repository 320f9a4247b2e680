-- Fragment: the notifications that need a place of a limit, with the hash of their recipient.
-- Parameters: arrays of equal length with the ids :limited, what is counted together (:scopes), the recipients
-- (:people), how many places there are (:mosts), and for how long each is taken in seconds (:pers).
SELECT each.id, each.scope, sha256(convert_to(each.person, 'UTF8')) AS recipient, each.most,
       make_interval(secs => each.per) AS per
FROM unnest(
  CAST(:limited AS uuid[]), CAST(:scopes AS text[]), CAST(:people AS text[]), CAST(:mosts AS int[]),
  CAST(:pers AS float8[])
) AS each (id, scope, person, most, per)
