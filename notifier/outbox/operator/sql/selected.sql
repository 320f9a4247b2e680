-- Fragment: the deliveries of one :status from the id :first on and before :end that an operator selects. :ids are
-- selected unless :any is true; '' as :channel, :route, :table or :because (a text that the reason contains) selects
-- all. With :scheduled only those that wait because their route returned Later; without :members none that waits for the
-- message of its digest.
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.status = CAST(:status AS delivery_status)
  AND d.notification_id >= :first AND d.notification_id < :end
  AND n.notification_id >= :first AND n.notification_id < :end
  AND in_days(d.notification_id) AND in_days(n.notification_id)
  AND (:any OR d.notification_id = ANY(CAST(:ids AS uuid[])))
  AND (:channel = '' OR n.channel = :channel) AND (:route = '' OR n.route = :route)
  AND (:table = '' OR n.table_name = :table) AND (:because = '' OR strpos(d.reason, :because) > 0)
  AND (NOT CAST(:scheduled AS bool) OR {is_scheduled})
  AND (CAST(:members AS bool) OR d.leader IS NULL OR d.leader = d.notification_id)
