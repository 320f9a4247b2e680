-- Empty -> dropping: claim a day for one minute, to drop its partitions. Null if there is none.
SELECT claim_day()
