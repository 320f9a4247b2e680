-- Those of the recipients that are suppressed, with the gravest reason. Parameters: those of barred.sql.
{barred}
SELECT id, reason::text FROM barred
