-- The server's options of the :names that the login may see: as this session has them.
SELECT name, setting FROM pg_settings WHERE name = ANY(CAST(:names AS text[]))
