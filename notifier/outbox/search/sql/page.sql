-- Fragment: a row for each that matches; a row with the edge only if none does.
SELECT edge.examined, edge.last, found.* FROM edge LEFT JOIN found ON true ORDER BY found.notification_id {direction}
