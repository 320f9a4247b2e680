-- What the login can see of the server, in one row.
SELECT clock_timestamp() AS now, current_setting('server_version') AS version,
       CAST(current_setting('server_version_num') AS int) AS number, pg_is_in_recovery() AS standby,
       current_setting('transaction_read_only') = 'on' AS read_only, current_user AS login,
       pg_database_size(current_database()) AS bytes,
       (SELECT CAST(sum(numbackends) AS int) FROM pg_stat_database) AS connections,
       (SELECT numbackends FROM pg_stat_database WHERE datname = current_database()) AS database_connections,
       login_connections, ours, database_ours, login_ours,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit
FROM (SELECT count(*) FILTER (WHERE usename = current_user AND backend_type = 'client backend') AS login_connections,
             count(*) FILTER (WHERE is_ours) AS ours,
             count(*) FILTER (WHERE is_ours AND datname = current_database()) AS database_ours,
             count(*) FILTER (WHERE is_ours AND usename = current_user) AS login_ours
      FROM (SELECT *, coalesce(application_name LIKE 'notifier %', false) AS is_ours FROM pg_stat_activity) AS sessions
     ) AS counted
