-- Of the rights that the :roles need, those that this login has not. A right is a privilege to a table, or to one of
-- its columns (:attributes, otherwise empty), or EXECUTE on a function.
SELECT role, thing, attribute, privilege
FROM unnest(CAST(:roles AS text[]), CAST(:things AS text[]), CAST(:attributes AS text[]), CAST(:privileges AS text[]))
  AS needed(role, thing, attribute, privilege)
WHERE NOT coalesce(
  CASE
    WHEN privilege = 'EXECUTE' THEN has_function_privilege(CAST(to_regprocedure(thing) AS oid), privilege)
    WHEN attribute = '' THEN has_table_privilege(CAST(to_regclass(thing) AS oid), privilege)
    ELSE has_column_privilege(CAST(to_regclass(thing) AS oid), attribute, privilege)
  END, false)
