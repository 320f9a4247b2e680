-- Create the partition of a :table for a :day, if it does not exist. A function of the tables' owner: the bridge may
-- make a partition, and change nothing else of a table.
SELECT make_partition(:table, :day)
