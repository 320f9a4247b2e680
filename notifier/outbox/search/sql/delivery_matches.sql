-- Fragment: whether the delivery `d` matches: one of the :statuses (none: all) and of the :ids (unless :any is true),
-- :because (a text that the reason contains; '': all), one of the :recipients, the spellings of one (none: all), as its
-- recipient or as one of the further ones. With :scheduled only those that wait because their route returned Later.
(cardinality(CAST(:statuses AS text[])) = 0 OR d.status = ANY(CAST(:statuses AS delivery_status[])))
AND (:any OR d.notification_id = ANY(CAST(:ids AS uuid[])))
AND (:because = '' OR coalesce(strpos(d.reason, :because) > 0, false))
AND (cardinality(CAST(:recipients AS text[])) = 0 OR coalesce(d.recipient = ANY(CAST(:recipients AS text[]))
     OR d.further_recipients && CAST(:recipients AS text[]), false))
AND (NOT CAST(:scheduled AS bool) OR {is_scheduled})
