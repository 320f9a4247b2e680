"""Who acted: workers, which number their tokens by it, and operators with what they did."""

from sqlalchemy import BigInteger, Column, Identity, Integer, Table, Text

from notifier.outbox.tables.columns import NOW, TIME, ZERO, metadata

actors = Table(
    "actors",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # host:pid of a worker
    Column("started_at", TIME, nullable=False, server_default=NOW),
)

operations = Table(
    "operations",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", TIME, nullable=False, server_default=NOW),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text),
    Column("scope", Text, nullable=False),  # what was selected
    Column("deliveries", BigInteger, nullable=False, server_default=ZERO),
)
