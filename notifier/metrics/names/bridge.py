"""Metrics that each bridge counts itself."""

from notifier.metrics.family import Family, Kind, Source

STREAM_ERRORS = Family(
    "notifier_stream_errors",
    Kind.COUNTER,
    Source.BRIDGE,
    "Calls of DynamoDB Streams for a shard that failed, by error.",
    ("error",),
)
SHARDS_GIVEN_UP = Family(
    "notifier_shards_given_up",
    Kind.COUNTER,
    Source.BRIDGE,
    "Shards that this bridge stopped reading before their end.",
    ("reason",),
)
PUBLISHES = Family(
    "notifier_publishes",
    Kind.COUNTER,
    Source.BRIDGE,
    "Messages that the broker took: recorded just before, relayed once there was room, or published again because "
    "the broker no longer had them.",
    ("channel", "result"),
)
OUTBOX_FULL = Family(
    "notifier_outbox_full",
    Kind.GAUGE,
    Source.BRIDGE,
    "1 while shards with records for the channel are not read, because NOTIFIER_OUTBOX_HIGH_WATER deliveries wait.",
    ("channel",),
)
VIEW_FAULTS = Family(
    "notifier_stream_view_faults",
    Kind.GAUGE,
    Source.BRIDGE,
    "Routes that match on attributes which the table's newest stream leaves out of its records.",
    ("table",),
)
ALL_UNROUTED = Family(
    "notifier_table_all_unrouted_seconds",
    Kind.GAUGE,
    Source.BRIDGE,
    "Seconds for which no record of the table had a route; 0 while some have one.",
    ("table",),
)
