-- Fragment: the ids of those that match.
SELECT edge.last, found.notification_id FROM edge LEFT JOIN found ON true
ORDER BY found.notification_id {direction}
