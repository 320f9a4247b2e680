"""Terms by which notifications of days that are over are found, and how far each day is listed."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Index, Table, Text, Uuid

from notifier.outbox.tables.columns import BY_DAY, metadata

search_terms = Table(
    "search_terms",  # a day has a partition once it is listed
    metadata,
    Column("term", BigInteger, nullable=False),  # hash of a recipient, of a key of the item, or of a rare status
    Column("notification_id", Uuid, nullable=False),
    Index(None, "term", "notification_id"),
    postgresql_partition_by=BY_DAY,
)

search_days = Table(
    "search_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("state", Text, nullable=False),
    Column("listed_until", Uuid, nullable=False),
    CheckConstraint("state IN ('listing', 'listed')", name="state"),
)
