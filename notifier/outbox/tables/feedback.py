"""Delivery events of the providers: those of our notifications, and those that match none."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from notifier.outbox.tables.columns import BY_DAY, NOW, TIME, ZERO, metadata

FEEDBACK_COUNTS = ("sends", "deliveries", "bounces", "hard_bounces", "complaints")
"""Columns of `feedback_hours`."""

feedback = Table(
    "feedback",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("occurred_at", TIME, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("detail", Text),
    Column("received_at", TIME, nullable=False, server_default=NOW),
    postgresql_partition_by=BY_DAY,
)

feedback_hours = Table(
    "feedback_hours",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("hour", TIME, primary_key=True),  # its beginning, or when an operator resumed the channel in it
    *(Column(name, BigInteger, nullable=False, server_default=ZERO) for name in FEEDBACK_COUNTS),
)

duplicates = Table(
    "duplicates",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("message_id", Text, primary_key=True),  # accepted in addition to the one that the delivery names
    Column("detected_at", TIME, nullable=False, server_default=NOW),
    Column("acknowledged_at", TIME),
)

unmatched_feedback = Table(
    "unmatched_feedback",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("occurred_at", TIME, primary_key=True),
    Column("notification_id", Uuid),  # in its tag
    Column("reason", Text, nullable=False),
    Column("received_at", TIME, nullable=False, server_default=NOW),
    # For events with both tags: what is needed to settle them once the notification is recorded again.
    Column("look_at", TIME),  # when to search for the notification next; null: never
    Column("attempt", Integer),
    Column("sent_at", TIME),
    Column("recipient", Text),  # only if the event suppresses it
    Column("permanent", Boolean),
    Column("detail", Text),
    Column("topic", Text),
    Column("channel", Text),  # that sent the message; null: stored before there was this column
    Column("configuration_set", Text),  # that the message used, by the event
    Index("unmatched_feedback_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    Index("unmatched_feedback_waiting", "notification_id", postgresql_where=text("look_at IS NOT NULL")),
    Index("unmatched_feedback_received_at", "received_at"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("digest", LargeBinary, Computed("sha256(raw)", persisted=True), nullable=False, unique=True),
    Column("error", Text, nullable=False),
    Column("received_at", TIME, nullable=False, server_default=NOW),
    Index("dead_letters_received_at", "received_at"),
)
