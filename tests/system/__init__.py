"""The whole system as processes, on real Postgres and Redis."""
