-- The functions of this schema that run with the rights of this login, their owner, and that everybody may call. A
-- function without the rights of its owner needs no such check.
SELECT CAST(CAST(oid AS regprocedure) AS text) FROM pg_proc
WHERE pronamespace = CAST(quote_ident(current_schema()) AS regnamespace) AND prosecdef
  AND proowner = CAST(quote_ident(current_user) AS regrole) AND has_function_privilege('public', oid, 'EXECUTE')
