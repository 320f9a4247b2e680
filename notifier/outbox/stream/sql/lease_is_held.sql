-- Fragment: the condition of every write to a shard by the bridge that holds its lease. The row has the lease's owner
-- and epoch, and the checkpoint :previous from which the page was read. A bridge that lost the shard, or did not get
-- the answer to its last commit, changes no row; and no checkpoint ever goes back.
id = :shard AND owner = :owner AND epoch = :epoch AND state = 'open' AND checkpoint IS NOT DISTINCT FROM :previous
AND (checkpoint IS NULL OR CAST(CAST(:checkpoint AS text) AS numeric) >= CAST(checkpoint AS numeric))
