"""Days: which were counted, what the counts are, how many are kept, and sums of what was deleted."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, Index, Integer, Table, Text, Uuid, text

from notifier.outbox.tables.columns import STATUS, TIME, ZERO, metadata

days = Table(
    "days",  # that are counted, or are being counted, emptied or dropped: notifier/outbox/history/retention.py
    metadata,
    Column("day", Date, primary_key=True),
    Column("state", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False, server_default=ZERO),  # how often counting began
    Column("counted_until", Uuid),
    Column("changed_at", TIME),  # when a row of the counted day changed
    Column("claimed_until", TIME),  # until then one bridge drops its partitions
    CheckConstraint("state IN ('counting', 'counted', 'changed', 'empty', 'dropping')", name="state"),
)

retention = Table(
    "retention",  # at most one row: the largest NOTIFIER_KEEP_DAYS that was set for any process; 0 keeps all
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("keep_days", Integer, nullable=False),
    CheckConstraint("only_row", name="only_row"),
    CheckConstraint("keep_days = 0 OR keep_days >= 3", name="keep_days"),
)

day_counts = Table(
    "day_counts",  # this table and the next two are valid while the state of the day is `counted`
    metadata,
    Column("day", Date, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("status", STATUS, primary_key=True),
    Column("deliveries", BigInteger, nullable=False),
    Column("oldest", TIME, nullable=False),  # recorded_at of the oldest one
)

day_shards = Table(
    "day_shards",
    metadata,
    Column("day", Date, primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("notifications", BigInteger, nullable=False),
    Index(None, "shard"),
)

day_actors = Table(
    "day_actors",
    metadata,
    Column("day", Date, primary_key=True),
    Column("actor", Integer, primary_key=True),
    Index(None, "actor"),
)

dropped_rows = Table(
    "dropped_rows",  # how many rows of a shard retention deleted: the audit adds them
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("notifications", BigInteger, nullable=False, server_default=ZERO),
    Column("quarantine", BigInteger, nullable=False, server_default=ZERO),
)

forgotten_counts = Table(
    "forgotten_counts",  # sums of deleted rows: metrics that must not decrease add them
    metadata,
    Column("name", Text, primary_key=True),
    Column("channel", Text, primary_key=True, server_default=""),
    Column("count", BigInteger, nullable=False),
)

throughput_minutes = Table(
    "throughput_minutes",  # sums of all time at each minute of the last day, for the charts of consoles
    metadata,
    Column("minute", TIME, primary_key=True),
    Column("read", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
)
