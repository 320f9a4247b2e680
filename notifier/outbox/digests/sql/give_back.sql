-- The leaders :ids of the :channel are due again at once: one of their members is not pending any more, so that their
-- messages are built anew.
{insert_due
  SELECT notification_id, 'scheduled', :channel, now() FROM deliveries d
  WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND {is_due}}
