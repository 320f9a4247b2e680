"""The metrics that each bridge counts itself. All others are read from Postgres, see `notifier.metrics`."""

from prometheus_client import Counter, Gauge

STREAM_ERRORS = Counter(
    "notifier_stream_errors", "Calls of DynamoDB Streams for a shard that failed, by error.", ("error",)
)
SHARDS_GIVEN_UP = Counter(
    "notifier_shards_given_up", "Shards that this bridge stopped reading before their end.", ("reason",)
)
PUBLISHED = Counter(
    "notifier_publishes",
    "Messages that the broker took: recorded just before, relayed once there was room, or published again because "
    "the broker no longer had them.",
    ("channel", "result"),
)
OUTBOX_FULL = Gauge(
    "notifier_outbox_full",
    "1 while shards with records for the channel are not read, because NOTIFIER_OUTBOX_HIGH_WATER deliveries wait.",
    ("channel",),
)
VIEW_FAULTS = Gauge(
    "notifier_stream_view_faults",
    "Routes that match on attributes which the table's newest stream leaves out of its records.",
    ("table",),
)
ALL_UNROUTED = Gauge(
    "notifier_table_all_unrouted_seconds",
    "Seconds for which no record of the table had a route; 0 while some have one.",
    ("table",),
)
