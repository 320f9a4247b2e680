-- Fragment: how many match.
SELECT edge.last, (SELECT count(*) FROM found) AS matched FROM edge
