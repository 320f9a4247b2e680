-- Fragment: how many match, and how many of them may have been accepted.
SELECT edge.last, (SELECT count(*) FROM found) AS matched,
       (SELECT count(*) FROM found d WHERE {given_up_unknown}) AS maybe_sent
FROM edge
