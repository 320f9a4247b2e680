"""Channels: their state, recipients that they do not send to, and counts of their deliveries."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Text, Uuid, false

from notifier.outbox.tables.columns import NOW, TIME, ZERO, metadata

channels = Table(
    "channels",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("state", Text, nullable=False, server_default="running"),
    Column("reason", Text),
    Column("actor", Text),
    Column("changed_at", TIME, nullable=False, server_default=NOW),
    Column("probe_at", TIME),  # when a parked channel may send one message to see whether it works again
    Column("probes", Integer, nullable=False, server_default=ZERO),  # since it was parked
    Column("rates_since", TIME),  # when an operator resumed it: older bounces and complaints do not count
    CheckConstraint("state IN ('running', 'parked', 'paused')", name="state"),
    CheckConstraint("state = 'parked' OR probe_at IS NULL", name="probe"),
)

# Not columns of `channels`: each batch of feedback changes these, and each load and begin reads `channels`. While a
# snapshot of the database is held, rows that change often are slow to read, because their old versions are kept.
channel_events = Table(
    "channel_events",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("events_sent_until", TIME),  # when the provider accepted the newest message that a `Send` event names
    Column("drained_at", TIME),  # every event that was published before is settled
)

configuration_set_events = Table(
    "configuration_set_events",  # of messages that name a configuration set of their own
    metadata,
    Column("channel", Text, primary_key=True),
    Column("configuration_set", Text, primary_key=True),
    Column("events_sent_until", TIME, nullable=False),  # as in `channel_events`
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("topic", Text, primary_key=True, server_default=""),  # empty: everything; *: every topic
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("notification_id", Uuid),  # whose delivery event it was
    Column("note", Text),
    Column("since", TIME, nullable=False, server_default=NOW),
    # The recipient has opted out as well: the trigger `keep_opt_out` keeps it if a graver reason replaces that one.
    Column("opted_out", Boolean, nullable=False, server_default=false()),
    Index(None, "channel", "since"),
    CheckConstraint("reason IN ('hard_bounce', 'complaint', 'unsubscribe', 'manual')", name="reason"),
)

delivery_counts = Table(
    "delivery_counts",  # counts of all workers, which add theirs every few seconds
    metadata,
    Column("channel", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("status", Text, primary_key=True),  # that a delivery changed to, or `route error`
    Column("count", BigInteger, nullable=False),
)
