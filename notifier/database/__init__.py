"""The connection to Postgres: URL, sessions, errors and the version of the schema."""
