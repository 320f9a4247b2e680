-- Fragment: FROM and WHERE for the deliveries of `step` that a selection matches: of one of the :statuses (none: all)
-- and of the :ids (unless :any is true); '' as :channel, :route, :table or :because (a text that the reason contains)
-- selects all. :recipients are the spellings of one recipient, :keys the values of keys of an item, all of which it
-- has; none: all. :needles are the keys as the record spells them: looking for bytes is much faster than to read JSON.
FROM step d JOIN notifications n USING (notification_id)
WHERE in_days(n.notification_id)
  AND (cardinality(CAST(:statuses AS text[])) = 0 OR d.status = ANY(CAST(:statuses AS delivery_status[])))
  AND (:any OR d.notification_id = ANY(CAST(:ids AS uuid[])))
  AND (:channel = '' OR n.channel = :channel) AND (:route = '' OR n.route = :route)
  AND (:table = '' OR n.table_name = :table) AND (:because = '' OR strpos(d.reason, :because) > 0)
  AND (cardinality(CAST(:recipients AS text[])) = 0 OR d.recipient = ANY(CAST(:recipients AS text[])))
  AND (cardinality(CAST(:keys AS text[])) = 0
       OR position(CAST(:needle AS bytea) IN n.record) > 0 AND item_keys(n.record) @> CAST(:keys AS text[]))
