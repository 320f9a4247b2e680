-- How many deliveries are selected. Parameters: those of {selected}.
SELECT count(*)
{selected}
