-- Fragment: a row for each that matches; a row with the edge only if none does. `waits_for` is the kind of its `due` row.
SELECT edge.last, found.*, (SELECT u.kind FROM due u WHERE u.notification_id = found.notification_id) AS waits_for
FROM edge LEFT JOIN found ON true ORDER BY found.notification_id {direction}
