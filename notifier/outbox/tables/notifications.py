"""Notifications and their deliveries, and the small tables of what needs attention later.

`notifications` never change, but for the channel of one that goes on to another. `deliveries` are narrow and change
twice on the common path. They have no index but the primary key, so that both updates stay on their page (heap-only
tuples). What needs attention later is a row in a small table: a publication (messages that the broker should hold), a
claim (attempts in progress), or a due row (a retry, a time for which the route waits, a deadline, or an unknown
outcome that is held for the operator). Every delivery that is pending, sending or unknown is in one of the three.

There are no foreign keys on the large tables: each costs a lookup for each row, and the outbox writes both sides in
one transaction.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from notifier.outbox.tables.columns import BY_DAY, NOW, STATUS, TIME, ZERO, metadata

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
    Column("recorded_at", TIME, nullable=False, server_default=NOW),
    postgresql_partition_by=BY_DAY,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("status", STATUS, nullable=False, server_default="pending"),
    Column("attempt", Integer, nullable=False, server_default=ZERO),  # number of the last one, 0 before the first
    Column("failures", SmallInteger, nullable=False, server_default=ZERO),  # that count against the route's limit
    Column("token", Uuid),  # of the last attempt; its first 32 bits are the id of the worker in `actors`
    Column("next_attempt_at", TIME),
    Column("begun_at", TIME),  # of the last attempt
    Column("ended_at", TIME),  # of the last attempt, or of the decision not to make one
    Column("recipient", Text),
    Column("provider_message_id", Text),
    Column("reason", Text),
    Column("wanted_updates", Integer),  # of which statuses, in bits: notifier/status_updates/kinds.py; null: of none
    Column("updates", Integer),  # how many there have been; null while there was none
    Column("channel", Text),  # to which it went on; null: it is on its first channel, and always was
    Column("first_channel", Text),  # from which it went on first
    Column("brought_forward", Boolean),  # true: an operator did not want it to wait for the time that its route said
    Column("template", Text),  # the version of the template of which the last attempt was made: name@hash
    Column("leader", Uuid),  # of a digest: the notification whose message has this event; of the leader its own id
    Column("members", ARRAY(Uuid)),  # of a leader whose digest is closed: the others; null while it is open
    Column("further_recipients", ARRAY(Text)),  # of the same mail, and of earlier attempts; null: only `recipient`
    Column("configuration_set", Text),  # of the last attempt; null: it named none, and used that of the settings
    CheckConstraint("attempt >= 0 AND failures >= 0", name="counts"),
    CheckConstraint("status <> 'sending' OR (token IS NOT NULL AND attempt > 0)", name="sending"),
    CheckConstraint("next_attempt_at IS NULL OR status = 'pending'", name="next_attempt"),
    postgresql_partition_by=BY_DAY,
)

delivery_events = Table(
    "delivery_events",
    metadata,
    Column("notification_id", Uuid, nullable=False),
    Column("at", TIME, nullable=False, server_default=text("clock_timestamp()")),
    Column("status_from", STATUS, nullable=False),
    Column("status_to", STATUS, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text),  # a traceback, or the provider's answer
    Column("begun_at", TIME),  # of the attempt that ended here
    Index(None, "notification_id"),
    postgresql_partition_by=BY_DAY,
)

publications = Table(
    "publications",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("notification_ids", ARRAY(Uuid), nullable=False),
    Column("published_at", TIME),
    Column("due_at", TIME, nullable=False, server_default=NOW),  # when the relay checks it next
    Column("lane", Text),  # null: normal
    Index(None, "due_at"),
)

claims = Table(
    "claims",
    metadata,
    Column("token", Uuid, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("notification_ids", ARRAY(Uuid), nullable=False),
    Column("lease_until", TIME, nullable=False),
    Index(None, "lease_until"),
)

due = Table(
    "due",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("due_at", TIME, nullable=False),
    Column("routeless_since", TIME),  # of an unknown outcome: since when a bridge with its route could have decided
    Index(None, "kind", "due_at"),
    CheckConstraint("kind IN ('retry', 'scheduled', 'unknown', 'held')", name="kind"),
)

digests = Table(
    "digests",
    metadata,
    Column("key", Uuid, primary_key=True),  # a hash of the route and of the values by which it collects
    Column("leader", Uuid),  # null: a message was sent, and the next one waits until `closes_at`
    Column("members", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("closes_at", TIME, nullable=False, server_default=text("to_timestamp(0)")),
    Column("pause", Double),  # seconds that the next digest waits after this one: the route sends the first at once
    Index(None, "leader"),
    Index("digests_paused", "closes_at", postgresql_where=text("leader IS NULL")),
)
"""The digests that are open: those that events may still join."""

suspects = Table(
    "suspects",
    metadata,
    Column("notification_id", Uuid, primary_key=True),
    Column(
        "deaths", Integer, nullable=False, server_default=text("0")
    ),  # processes that died while they built it alone
    Column("begun_by", Uuid),  # the process that builds it now
    Column("lease_until", TIME),
    Column("begun_at", TIME, nullable=False, server_default=NOW),
)

limit_places = Table(
    "limit_places",
    metadata,
    Column("scope", Text, primary_key=True),  # what is counted together: a route, a group, or all
    Column("recipient", LargeBinary, primary_key=True),  # SHA-256 of the address
    Column("ids", ARRAY(Uuid), nullable=False),  # the notifications that have a place
    Column("since", ARRAY(TIME), nullable=False),  # of the latest attempt of each
    Column("ends_at", TIME, nullable=False),  # when the last place ends
    Index(None, "ends_at"),
)
