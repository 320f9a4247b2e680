-- How many of the selected deliveries may have been accepted. Parameters: those of selected.sql.
SELECT count(*)
{selected}
  AND {given_up_unknown}
