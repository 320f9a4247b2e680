"""Status updates that wait until their destination has accepted them, and the destinations."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, Uuid, text

from notifier.outbox.tables.columns import NOW, TIME, ZERO, metadata

status_updates = Table(
    "status_updates",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # counts those of its notification from 1
    Column("destination", Text, primary_key=True, server_default=""),  # empty until the sender has assigned it
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reason", Text),
    Column("at", TIME, nullable=False, server_default=text("clock_timestamp()")),
    Column("due_at", TIME, nullable=False, server_default=NOW),  # when it may be sent; in the future while it is
    Column("failures", Integer, nullable=False, server_default=ZERO),  # times that its destination did not accept it
    Column("error", Text),  # of the last failure
    Index(None, "destination", "due_at"),
    Index("status_updates_failing", "destination", "at", postgresql_where=text("failures > 0")),
)

status_destinations = Table(
    "status_destinations",
    metadata,
    Column("destination", Text, primary_key=True),  # empty: updates that never had one
    Column("assigned", BigInteger, nullable=False, server_default=ZERO),
    Column("accepted", BigInteger, nullable=False, server_default=ZERO),
    Column("dropped", BigInteger, nullable=False, server_default=ZERO),  # by retention, before they were accepted
    Column("accepted_at", TIME),  # the last one
    Column("error", Text),  # why the destination accepted nothing when it was last asked; null since it did
    Column("failed_at", TIME),
)
