"""The tables, as `alembic/` makes them; `make check` compares the two.

`notifications` never change. `deliveries` are narrow and change twice on the common path, with no index but the
primary key, so that both updates stay on their page (HOT). Whatever needs attention later is a row in a small table
beside them: a publication (messages that the broker should hold), a claim (attempts under way), a due row (a retry,
a deadline, or an outcome that is held for the operator). Every delivery that is pending, sending or unknown is in one
of the three.

There are no foreign keys on the hot tables: each costs a lookup a row, and the statements of `outbox` write both
sides in one transaction.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from notifier.notifications import Status

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
    }
)

STATUS = Enum(Status, name="delivery_status", values_callable=lambda kind: [each.value for each in kind])
_TIME = DateTime(timezone=True)
_NOW = text("now()")
_NONE = text("0")

FEEDBACK_COUNTS = ("sends", "deliveries", "bounces", "hard_bounces", "complaints")

# Partitioned by day of the record's creation, which the id carries: a record that is read again meets its own row.
_BY_DAY = "RANGE (notification_id)"

streams = Table(
    "streams",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("arn", Text, nullable=False, unique=True),
    Column("table_name", Text, nullable=False),
    Column("discovered_at", _TIME, nullable=False, server_default=_NOW),
    Column("let_go_at", _TIME),  # an operator gave it up: nothing more of it is read
    Column("forgotten_until", _TIME),  # shards made until then that have no row were read and deleted since
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
    Column("epoch", BigInteger, nullable=False, server_default=_NONE),
    Column("lease_until", _TIME),
    Column("moved_at", _TIME),  # when it was last taken from a live bridge
    Column("checkpoint", Text),  # sequence number of the last record that is recorded, as it came
    Column("last_record_at", _TIME),  # when that record was created, to the second
    Column("caught_up_at", _TIME),  # everything that was written before is recorded
    Column("records_read", BigInteger, nullable=False, server_default=_NONE),
    Column("records_notified", BigInteger, nullable=False, server_default=_NONE),
    Column("records_unrouted", BigInteger, nullable=False, server_default=_NONE),
    Column("records_quarantined", BigInteger, nullable=False, server_default=_NONE),
    Column("discovered_at", _TIME, nullable=False, server_default=_NOW),
    Column("finished_at", _TIME),
    UniqueConstraint("stream_id", "shard_id"),
    Index("shards_open", "stream_id", postgresql_where=text("state = 'open'")),
    CheckConstraint("state IN ('open', 'finished', 'lost')", name="state"),
    CheckConstraint("(owner IS NULL) = (lease_until IS NULL)", name="lease"),
    CheckConstraint("(state = 'open') = (finished_at IS NULL)", name="finished"),
    CheckConstraint("records_read = records_notified + records_unrouted + records_quarantined", name="accounted"),
)

# A shard that is to be read again, from a time on up to the checkpoint that it had then. The checkpoint stays.
rewinds = Table(
    "rewinds",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("shard", Integer, ForeignKey("shards.id", ondelete="CASCADE"), nullable=False),
    Column("since", _TIME),  # records created before are passed over; null: all that the stream still has
    Column("until", Text, nullable=False),  # sequence number of the last record to be read again
    Column("position", Text),  # sequence number of the last record that was read again
    Column("owner", Text),
    Column("epoch", BigInteger, nullable=False, server_default=_NONE),
    Column("lease_until", _TIME),
    Column("examined", BigInteger, nullable=False, server_default=_NONE),  # records read again
    Column("routed", BigInteger, nullable=False, server_default=_NONE),  # of these, became notifications
    Column("released", BigInteger, nullable=False, server_default=_NONE),  # of these, left quarantine
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_at", _TIME, nullable=False, server_default=_NOW),
    Column("ended_at", _TIME),
    Column("outcome", Text),  # done, gone (the stream has nothing of it any more), replaced or cancelled
    Column("gone_since", _TIME),  # since when DynamoDB has denied the shard
    Column("again_at", _TIME),  # nobody takes it before
    Column("error", Text),  # why it does not go on
    Index("rewinds_open", "shard", unique=True, postgresql_where=text("ended_at IS NULL")),
    CheckConstraint("(owner IS NULL) = (lease_until IS NULL)", name="lease"),
    CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("shard", Integer, nullable=False),  # shards.id
    Column("sequence_number", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),  # JSON of GetRecords; bytea, as text refuses NUL
    Column("recorded_at", _TIME, nullable=False, server_default=_NOW),
    postgresql_partition_by=_BY_DAY,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("status", STATUS, nullable=False, server_default="pending"),
    Column("attempt", Integer, nullable=False, server_default=_NONE),  # requests begun
    Column("failures", SmallInteger, nullable=False, server_default=_NONE),  # count against the route's limit
    Column("token", Uuid),  # of the last attempt; begins with its actor
    Column("next_attempt_at", _TIME),
    Column("begun_at", _TIME),  # of the last attempt
    Column("ended_at", _TIME),  # of the last attempt, or of the decision not to make one
    Column("recipient", Text),
    Column("provider_message_id", Text),
    Column("reason", Text),
    CheckConstraint("attempt >= 0 AND failures >= 0", name="counts"),
    CheckConstraint("status <> 'sending' OR (token IS NOT NULL AND attempt > 0)", name="sending"),
    CheckConstraint("next_attempt_at IS NULL OR status = 'pending'", name="next_attempt"),
    postgresql_partition_by=_BY_DAY,
)

delivery_events = Table(
    "delivery_events",
    metadata,
    Column("notification_id", Uuid, nullable=False),
    Column("at", _TIME, nullable=False, server_default=text("clock_timestamp()")),
    Column("status_from", STATUS, nullable=False),
    Column("status_to", STATUS, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text),  # a traceback, or the provider's answer
    Column("begun_at", _TIME),  # of the attempt that ended here
    Index(None, "notification_id"),
    postgresql_partition_by=_BY_DAY,
)

publications = Table(
    "publications",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("notification_ids", ARRAY(Uuid), nullable=False),
    Column("published_at", _TIME),
    Column("due_at", _TIME, nullable=False, server_default=_NOW),  # when the relay looks at it next
    Index(None, "due_at"),
)

claims = Table(
    "claims",
    metadata,
    Column("token", Uuid, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("notification_ids", ARRAY(Uuid), nullable=False),
    Column("lease_until", _TIME, nullable=False),
    Index(None, "lease_until"),
)

due = Table(
    "due",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("due_at", _TIME, nullable=False),
    Column("routeless_since", _TIME),  # of an unknown one: a bridge with its route could have decided since
    Index(None, "kind", "due_at"),
    CheckConstraint("kind IN ('retry', 'unknown', 'held')", name="kind"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("shard", Integer, ForeignKey("shards.id"), nullable=False),
    Column("sequence_number", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("error", Text, nullable=False),
    Column("quarantined_at", _TIME, nullable=False, server_default=_NOW),
    Column("replayed_at", _TIME),
    Column("acknowledged_at", _TIME),
    UniqueConstraint("shard", "sequence_number"),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("shard", Integer, ForeignKey("shards.id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("after_sequence_number", Text),  # the last record before the gap that is recorded
    Column("after_record_at", _TIME),
    Column("detected_at", _TIME, nullable=False, server_default=_NOW),
    Column("acknowledged_at", _TIME),
)

table_listings = Table(
    "table_listings",
    metadata,
    Column("table_name", Text, primary_key=True),
    Column("first_asked_at", _TIME, nullable=False, server_default=_NOW),
    Column("asked_at", _TIME, nullable=False, server_default=_NOW),
    Column("listed_at", _TIME),  # when all of its shards were listed last
    Column("error", Text),  # of the last try
    Column("stream_on", Boolean),  # whether the newest stream takes records, where that was asked
)

actors = Table(
    "actors",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # host:pid of a worker
    Column("started_at", _TIME, nullable=False, server_default=_NOW),
)

delivery_counts = Table(
    "delivery_counts",  # what workers counted so far; written every few seconds, beside their work
    metadata,
    Column("channel", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("status", Text, primary_key=True),  # what a delivery came to, or `route error`
    Column("count", BigInteger, nullable=False),
)

channels = Table(
    "channels",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("state", Text, nullable=False, server_default="running"),
    Column("reason", Text),
    Column("actor", Text),
    Column("changed_at", _TIME, nullable=False, server_default=_NOW),
    Column("probe_at", _TIME),  # when a parked channel may send one message to see whether it works again
    Column("probes", Integer, nullable=False, server_default=_NONE),  # since it was parked
    Column("rates_since", _TIME),  # bounces and complaints before this time were looked at by the operator
    CheckConstraint("state IN ('running', 'parked', 'paused')", name="state"),
    CheckConstraint("state = 'parked' OR probe_at IS NULL", name="probe"),
)

# Apart from `channels`: each batch of feedback changes this row, and each load and begin reads that one. While a
# snapshot of the database is held, what changes often is slow to read, as its old versions stay.
channel_events = Table(
    "channel_events",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("events_sent_until", _TIME),  # the provider took the newest message that an event told of
    Column("drained_at", _TIME),  # the queue of events was empty
)

feedback = Table(
    "feedback",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("occurred_at", _TIME, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("detail", Text),
    Column("received_at", _TIME, nullable=False, server_default=_NOW),
    postgresql_partition_by=_BY_DAY,
)

feedback_hours = Table(
    "feedback_hours",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("hour", _TIME, primary_key=True),
    *(Column(name, BigInteger, nullable=False, server_default=_NONE) for name in FEEDBACK_COUNTS),
)

duplicates = Table(
    "duplicates",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("message_id", Text, primary_key=True),  # accepted beside the one that the delivery names
    Column("detected_at", _TIME, nullable=False, server_default=_NOW),
    Column("acknowledged_at", _TIME),
)

unmatched_feedback = Table(
    "unmatched_feedback",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("occurred_at", _TIME, primary_key=True),
    Column("notification_id", Uuid),  # what its tag says
    Column("reason", Text, nullable=False),
    Column("received_at", _TIME, nullable=False, server_default=_NOW),
    # What is needed to settle it once the notification is recorded again, for events with both tags.
    Column("look_at", _TIME),  # when to look for the notification next; empty: never
    Column("attempt", Integer),
    Column("sent_at", _TIME),
    Column("recipient", Text),  # only where it would be suppressed
    Column("permanent", Boolean),
    Column("detail", Text),
    Column("topic", Text),
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
    Column("received_at", _TIME, nullable=False, server_default=_NOW),
    Index("dead_letters_received_at", "received_at"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("topic", Text, primary_key=True, server_default=""),  # empty: every topic
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("notification_id", Uuid),  # whose feedback it was
    Column("note", Text),
    Column("since", _TIME, nullable=False, server_default=_NOW),
    CheckConstraint("reason IN ('hard_bounce', 'complaint', 'unsubscribe', 'manual')", name="reason"),
)

suspects = Table(
    "suspects",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("deaths", Integer, nullable=False, server_default=text("0")),  # of processes that built it alone
    Column("begun_by", Uuid),  # the process that builds it now
    Column("lease_until", _TIME),
    Column("begun_at", _TIME, nullable=False, server_default=_NOW),
)

operations = Table(
    "operations",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", _TIME, nullable=False, server_default=_NOW),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text),
    Column("scope", Text, nullable=False),  # what it was asked for
    Column("deliveries", BigInteger, nullable=False, server_default=_NONE),
)

days = Table(
    "days",  # those that were counted, or are about to be; see notifier/outbox/history/retention.py
    metadata,
    Column("day", Date, primary_key=True),
    Column("state", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False, server_default=_NONE),  # how often it was counted anew
    Column("counted_until", Uuid),
    Column("changed_at", _TIME),  # when a row of the counted day changed
    Column("claimed_until", _TIME),  # one bridge's to drop until then
    CheckConstraint("state IN ('counting', 'counted', 'changed', 'empty', 'dropping')", name="state"),
)

retention = Table(
    "retention",  # one row once a process was told NOTIFIER_KEEP_DAYS: the most that any was told; 0 is all
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("keep_days", Integer, nullable=False),
    CheckConstraint("only_row", name="only_row"),
    CheckConstraint("keep_days = 0 OR keep_days >= 3", name="keep_days"),
)

day_counts = Table(
    "day_counts",  # valid where the day is counted, as the next two are
    metadata,
    Column("day", Date, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("status", STATUS, primary_key=True),
    Column("deliveries", BigInteger, nullable=False),
    Column("oldest", _TIME, nullable=False),  # recorded_at of the oldest one
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
    "dropped_rows",  # rows of a shard that were deleted in time: the audit adds them
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("notifications", BigInteger, nullable=False, server_default=_NONE),
    Column("quarantine", BigInteger, nullable=False, server_default=_NONE),
)

forgotten_counts = Table(
    "forgotten_counts",  # sums of deleted rows: metrics that only grow add them
    metadata,
    Column("name", Text, primary_key=True),
    Column("channel", Text, primary_key=True, server_default=""),
    Column("count", BigInteger, nullable=False),
)
