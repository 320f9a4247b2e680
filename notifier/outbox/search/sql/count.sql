-- Fragment: how many match.
SELECT edge.examined, edge.last, (SELECT count(*) FROM found) AS matched FROM edge
