"""What is read from DynamoDB: streams, their shards, and what was not read or not understood."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from notifier.outbox.tables.columns import NOW, TIME, ZERO, metadata

streams = Table(
    "streams",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("arn", Text, nullable=False, unique=True),
    Column("table_name", Text, nullable=False),
    Column("discovered_at", TIME, nullable=False, server_default=NOW),
    Column("let_go_at", TIME),  # when an operator let it go: nothing more of it is read
    Column("forgotten_until", TIME),  # shards created before and without a row were read, and their rows deleted
)

shards = Table(
    "shards",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("stream_id", Integer, ForeignKey("streams.id"), nullable=False),
    Column("shard_id", Text, nullable=False),
    Column("parent_shard_id", Text),
    Column("state", Text, nullable=False, server_default="open"),
    Column("owner", Text),
    Column("epoch", BigInteger, nullable=False, server_default=ZERO),
    Column("lease_until", TIME),
    Column("moved_at", TIME),  # when its lease was last taken from a bridge that runs
    Column("checkpoint", Text),  # sequence number of the last record that is recorded, as DynamoDB wrote it
    Column("last_record_at", TIME),  # when that record was created, to the second
    Column("caught_up_at", TIME),  # everything written to the shard before is recorded
    Column("records_read", BigInteger, nullable=False, server_default=ZERO),
    Column("records_notified", BigInteger, nullable=False, server_default=ZERO),
    Column("records_unrouted", BigInteger, nullable=False, server_default=ZERO),
    Column("records_quarantined", BigInteger, nullable=False, server_default=ZERO),
    Column("discovered_at", TIME, nullable=False, server_default=NOW),
    Column("finished_at", TIME),
    Column("further_notifications", BigInteger, nullable=False, server_default=ZERO),  # after the first of a record
    UniqueConstraint("stream_id", "shard_id"),
    Index("shards_open", "stream_id", postgresql_where=text("state = 'open'")),
    CheckConstraint("state IN ('open', 'finished', 'lost')", name="state"),
    CheckConstraint("(owner IS NULL) = (lease_until IS NULL)", name="lease"),
    CheckConstraint("(state = 'open') = (finished_at IS NULL)", name="finished"),
    CheckConstraint("records_read = records_notified + records_unrouted + records_quarantined", name="accounted"),
)

# Requests to read a shard again, from a time on up to the checkpoint that the shard had when it was requested. The
# shard's own checkpoint stays.
rewinds = Table(
    "rewinds",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("shard", Integer, ForeignKey("shards.id", ondelete="CASCADE"), nullable=False),
    Column("since", TIME),  # older records are skipped; null: all that the stream still has
    Column("until", Text, nullable=False),  # sequence number of the last record to be read again
    Column("position", Text),  # sequence number of the last record that was read again
    Column("owner", Text),
    Column("epoch", BigInteger, nullable=False, server_default=ZERO),
    Column("lease_until", TIME),
    Column("examined", BigInteger, nullable=False, server_default=ZERO),  # records read again
    Column("routed", BigInteger, nullable=False, server_default=ZERO),  # of these, those that got a notification
    Column("released", BigInteger, nullable=False, server_default=ZERO),  # of these, those that left quarantine
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_at", TIME, nullable=False, server_default=NOW),
    Column("ended_at", TIME),
    Column("outcome", Text),  # done, gone (the stream has no such shard any more), replaced or cancelled
    Column("gone_since", TIME),  # since when DynamoDB has said that there is no such shard
    Column("again_at", TIME),  # no bridge takes it before
    Column("error", Text),  # why reading failed last
    Index("rewinds_open", "shard", unique=True, postgresql_where=text("ended_at IS NULL")),
    CheckConstraint("(owner IS NULL) = (lease_until IS NULL)", name="lease"),
    CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("shard", Integer, ForeignKey("shards.id"), nullable=False),
    Column("sequence_number", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("error", Text, nullable=False),
    Column("quarantined_at", TIME, nullable=False, server_default=NOW),
    Column("replayed_at", TIME),
    Column("acknowledged_at", TIME),
    UniqueConstraint("shard", "sequence_number"),
    Index("quarantine_open", "id", postgresql_where=text("replayed_at IS NULL AND acknowledged_at IS NULL")),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("shard", Integer, ForeignKey("shards.id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("after_sequence_number", Text),  # the last record before the gap that is recorded
    Column("after_record_at", TIME),
    Column("detected_at", TIME, nullable=False, server_default=NOW),
    Column("acknowledged_at", TIME),
)

table_listings = Table(
    "table_listings",
    metadata,
    Column("table_name", Text, primary_key=True),
    Column("first_asked_at", TIME, nullable=False, server_default=NOW),
    Column("asked_at", TIME, nullable=False, server_default=NOW),
    Column("listed_at", TIME),  # when all of its shards were last listed
    Column("error", Text),  # of the last try
    Column("stream_on", Boolean),  # whether the newest stream takes records; null: unknown
)
