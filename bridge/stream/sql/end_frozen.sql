-- End the sessions of bridges that stopped in the middle of recording a page. Such a session holds the row of its shard,
-- so no bridge can take the shard, and in COPY none of the server's time limits ends it.
-- From: sessions of this login that record a page of a shard of :tables, wait for their client, and began their
-- transaction more than :ttl seconds ago, as the shard's lease ended. It cannot be renewed meanwhile: the row is locked.
-- Ends those whose `progress` is among :seen, which an earlier look returned; returns the others too.
WITH waiting AS MATERIALIZED (
  SELECT s.shard_id, s.owner, a.pid,
         concat_ws(' ', a.pid, a.xact_start, a.state_change, c.bytes_processed) AS progress
  FROM shards s JOIN streams st ON st.id = s.stream_id
  JOIN pg_locks mark ON mark.locktype = 'advisory' AND mark.classid = {recording_mark}
       AND mark.objid = CAST(s.id AS oid) AND mark.objsubid = 2
  JOIN pg_stat_activity a ON a.pid = mark.pid AND a.datname = current_database() AND a.usename = current_user
  LEFT JOIN pg_stat_progress_copy c ON c.pid = a.pid
  WHERE s.state = 'open' AND st.table_name = ANY(CAST(:tables AS text[]))
    AND s.lease_until < now() - make_interval(secs => :ttl)
    AND a.xact_start < now() - make_interval(secs => :ttl) AND a.wait_event = 'ClientRead'
)
SELECT shard_id, owner, pid, progress,
       CASE WHEN progress = ANY(CAST(:seen AS text[])) THEN pg_terminate_backend(pid) ELSE false END AS ended
FROM waiting
