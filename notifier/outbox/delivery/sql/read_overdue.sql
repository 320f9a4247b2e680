-- What a decision about the unknown outcomes :ids needs. Not a part of lock_unknown.sql, so that it sees what the
-- transactions that held the rows have written.
-- The last but one column is true if a missing event is evidence: all events were settled :unknown_after seconds
-- after the attempt ended or later, as its request may have left until then; the `Send` event of a message that left
-- at least :margin seconds after that end has arrived; and since the attempt began no event of a notification that this
-- database lacks has arrived that a stream may still bring. The last column is the seconds since a bridge that lacks the route first found this attempt
-- overdue.
SELECT u.notification_id, u.channel, n.route, d.attempt, d.failures,
       extract(epoch FROM now())::float8,
       coalesce(c.drained_at > coalesce(d.ended_at, d.begun_at) + make_interval(secs => :unknown_after)
                AND c.events_sent_until > coalesce(d.ended_at, d.begun_at) + make_interval(secs => :margin), false)
       AND NOT EXISTS (
         SELECT FROM unmatched_feedback f
         WHERE f.look_at IS NOT NULL AND f.received_at > d.begun_at AND f.notification_id >= {oldest_recordable_id}
       ),
       CASE WHEN u.routeless_since > d.begun_at THEN extract(epoch FROM now() - u.routeless_since)::float8
            ELSE 0.0 END
FROM due u
JOIN deliveries d ON d.notification_id = u.notification_id AND in_days(d.notification_id)
JOIN notifications n ON n.notification_id = u.notification_id AND in_days(n.notification_id)
LEFT JOIN channel_events c ON c.channel = u.channel
WHERE u.notification_id = ANY(CAST(:ids AS uuid[])) AND u.kind = 'unknown'
ORDER BY u.notification_id
