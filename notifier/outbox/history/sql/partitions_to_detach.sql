-- The attached partitions of a :day of the :tables, and whether their detachment was begun. Only the owner of a table
-- may detach its partitions without an exclusive lock on it: for other roles this finds nothing.
SELECT parent.relname AS parent, c.relname AS partition, i.inhdetachpending AS pending
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class parent ON parent.oid = i.inhparent
WHERE c.oid = ANY (SELECT to_regclass(name || to_char(CAST(:day AS date), '_YYYYMMDD'))
                   FROM unnest(CAST(:tables AS text[])) AS name)
  AND pg_has_role(parent.relowner, 'USAGE')
