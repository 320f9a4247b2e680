-- Fragment: whether the notification `n` matches: '' as :channel, :route or :table matches all; :keys are values of
-- keys of the item, all of which it has (none: all). :needle is the first of them as the record spells it: to look for
-- bytes is much faster than to read JSON.
(:channel = '' OR n.channel = :channel) AND (:route = '' OR n.route = :route)
AND (:table = '' OR n.table_name = :table)
AND (cardinality(CAST(:keys AS text[])) = 0
     OR position(CAST(:needle AS bytea) IN n.record) > 0
        AND coalesce(item_keys(n.record) @> CAST(:keys AS text[]), false))
