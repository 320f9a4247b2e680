-- What the login can see of the server, in one row.
SELECT clock_timestamp() AS now, current_setting('server_version') AS version,
       CAST(current_setting('server_version_num') AS int) AS number, pg_is_in_recovery() AS standby,
       current_setting('transaction_read_only') = 'on' AS read_only, current_user AS login,
       pg_database_size(current_database()) AS bytes,
       (SELECT CAST(sum(numbackends) AS int) FROM pg_stat_database) AS connections,
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'notifier %') AS ours,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit
