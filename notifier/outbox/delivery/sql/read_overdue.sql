-- What a decision about the unknown outcomes :ids needs. Not a part of lock_unknown.sql, so that it sees what the
-- transactions that held the rows have written.
-- A missing event is evidence if it is `settled` and `followed`.
-- `settled`: all events were settled :unknown_after seconds after the attempt ended or later, as its request may have
-- left until then; and since the attempt began no event of a notification that this database lacks has arrived that a
-- stream may still bring.
-- `followed`: the `Send` event of a message that left at least :margin seconds after that end has arrived, through the
-- configuration set that the attempt used: its own, or :configuration_set, that of the settings.
-- The last columns are whether it is evidence; the seconds since a bridge that lacks the route first found this attempt
-- overdue; and the attempt's own configuration set if all is settled and no event of that set has followed.
SELECT u.notification_id, u.channel, n.route, d.attempt, d.failures,
       extract(epoch FROM now())::float8,
       evidence.settled AND evidence.followed,
       CASE WHEN u.routeless_since > d.begun_at THEN extract(epoch FROM now() - u.routeless_since)::float8
            ELSE 0.0 END,
       CASE WHEN evidence.settled AND NOT evidence.followed THEN used.configuration_set END
FROM due u
JOIN deliveries d ON d.notification_id = u.notification_id AND in_days(d.notification_id)
JOIN notifications n ON n.notification_id = u.notification_id AND in_days(n.notification_id)
CROSS JOIN LATERAL (
  SELECT coalesce(d.ended_at, d.begun_at) AS ended_at, nullif(d.configuration_set, :configuration_set) AS configuration_set
) AS used
LEFT JOIN channel_events c ON c.channel = u.channel
LEFT JOIN configuration_set_events s ON s.channel = u.channel AND s.configuration_set = used.configuration_set
CROSS JOIN LATERAL (
  SELECT coalesce(c.drained_at > used.ended_at + make_interval(secs => :unknown_after), false)
         AND NOT EXISTS (
           SELECT FROM unmatched_feedback f
           WHERE f.look_at IS NOT NULL AND f.received_at > d.begun_at AND f.notification_id >= {oldest_recordable_id}
         ) AS settled,
         coalesce(CASE WHEN used.configuration_set IS NULL THEN c.events_sent_until ELSE s.events_sent_until END
                  > used.ended_at + make_interval(secs => :margin), false) AS followed
) AS evidence
WHERE u.notification_id = ANY(CAST(:ids AS uuid[])) AND u.kind = 'unknown'
ORDER BY u.notification_id
