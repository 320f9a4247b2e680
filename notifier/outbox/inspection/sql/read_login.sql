-- Whether this login owns the tables or is a superuser, and which of the :roles it is or has been granted.
SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
         OR coalesce(pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass('deliveries')), 'USAGE'), false)
         AS is_owner,
       ARRAY(SELECT CAST(rolname AS text) FROM pg_roles
             WHERE rolname = ANY(CAST(:roles AS text[])) AND pg_has_role(oid, 'USAGE') ORDER BY 1) AS roles
