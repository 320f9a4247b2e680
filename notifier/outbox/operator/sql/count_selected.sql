-- How many deliveries are selected. Parameters: those of selected.sql.
SELECT count(*)
{selected}
