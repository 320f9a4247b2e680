"""What operators and providers leave in a database beside its notifications: journal, suppressions, shards, problems.

A history has none of these; without them half of the console's pages would be empty.
"""

from pathlib import Path

import psycopg

_SQL = Path(__file__).with_name("operated.sql")


def operate(url: str, days: int) -> None:
    """Add what an installation of so many days has, to a database that `make_history` made."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT set_config('bench.days', %s, false)", (str(days),))
        connection.execute(_SQL.read_bytes())
        connection.execute("ANALYZE")
