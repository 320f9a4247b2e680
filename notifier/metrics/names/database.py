"""Metrics of the database. Any bridge serves them, and reads them at each scrape."""

from notifier.metrics.family import Family, Kind, Source


def _gauge(name: str, meaning: str, *labels: str) -> Family:
    return Family(f"notifier_{name}", Kind.GAUGE, Source.DATABASE, meaning, labels)


def _counter(name: str, meaning: str, *labels: str) -> Family:
    return Family(f"notifier_{name}", Kind.COUNTER, Source.DATABASE, meaning, labels)


DATABASE_UP = _gauge(
    "database_up", "Whether the database answers in time: 1 or 0. With 0 the others of it are missing."
)

STREAM_RECORDS = _counter("stream_records", "Records read, by result: notified, unrouted, quarantined.", "result")
STREAM_NOTIFICATIONS = _counter(
    "stream_notifications",
    "Notifications made of records: one for each route that claims a record, and so one of most records.",
)
STREAM_LAG = _gauge(
    "stream_lag_seconds",
    "Lag of the shard that is furthest behind. It grows also while ended shards have no known children, and while a "
    "table has no shard and cannot be listed.",
)
STREAM_SHARDS = _gauge("stream_shards", "Shards that can be read now.")
STREAM_SHARDS_UNREAD = _gauge("stream_shards_unread", "Of these, the ones that no bridge reads.")
STREAM_LISTING = _gauge("stream_listing_seconds", "Seconds since all shards of the table were listed.", "table")
STREAM_CHILDLESS = _gauge(
    "stream_shards_childless",
    "Ended shards whose children are unknown. A stream that is switched off, or whose table is deleted, does not "
    "count.",
    "table",
)
TABLE_SHARDS = _gauge("table_shards", "Shards of the table that can be read now.", "table")
TABLE_SHARDS_UNREAD = _gauge("table_shards_unread", "Of these, the ones that no bridge reads.", "table")
TABLE_LAG = _gauge("table_lag_seconds", "Lag of the reading of the table.", "table")
TABLE_REWINDS = _gauge("table_rewinds", "Shards of the table that are to be read again.", "table")
TABLE_STREAM_WAITS = _gauge(
    "table_stream_waits_seconds", "How long its new stream has waited for an old one that has not ended.", "table"
)

BACKLOG = _gauge(
    "outbox_backlog",
    "Deliveries that wait for a worker, by queue: 0 where a route has the queue and none waits; above 5,000 an "
    "estimate.",
    "channel",
)
OLDEST = _gauge(
    "outbox_oldest_seconds",
    "Age of the oldest event that waits for a worker, by queue: 0 where a route has the queue and none waits.",
    "channel",
)
SENDING = _gauge("outbox_sending", "Attempts in progress.", "channel")
RUNNING = _gauge("channel_running", "1 where the channel sends, 0 where it is parked or paused.", "channel")
DUE = _gauge(
    "outbox_due",
    "Retries, scheduled ones, unknown outcomes, held ones: rows that wait; an estimate above 5,000 of a kind.",
    "channel",
    "kind",
)
DELIVERIES = _counter(
    "outbox_deliveries",
    "Results of the attempts of all workers, added up every five seconds; pending: tried again.",
    "channel",
    "route",
    "status",
)
ROUTE_ERRORS = _counter(
    "outbox_route_errors", "Times that a route or its template failed, in all workers.", "channel", "route"
)
FEEDBACK_EVENTS = _counter("feedback_events", "Events of providers that are settled, by kind.", "channel", "kind")
EVIDENCE = _gauge(
    "feedback_newest_send_seconds",
    "How long ago the newest message was accepted whose `Send` event has arrived. An unknown outcome that is newer "
    "waits; it grows while nothing is sent, too.",
    "channel",
)
DRAINED = _gauge(
    "feedback_settled_seconds",
    "How far back in time events may still wait in the queue: all that were published earlier are settled. While it "
    "is above NOTIFIER_UNKNOWN_AFTER_SECONDS, no missing event is evidence.",
    "channel",
)

GAPS = _counter("gaps", "Times that records were lost before they were read.")
GAPS_OPEN = _gauge("gaps_open", "Of these, the ones that are not acknowledged.")
DUPLICATES = _counter("duplicates", "Notifications accepted twice.")
QUARANTINE = _gauge("quarantine_records", "Records that cannot be parsed, or of a table without a route here.")
DEAD_LETTERS = _gauge("feedback_dead_letters", "Messages of the feedback queue that cannot be parsed.")
UNMATCHED = _gauge("feedback_unmatched", "Events whose notification is not in this database.")

DAYS_KEPT = _gauge("days_kept", "Days of notifications in the database.")
DAYS_OLDEST = _gauge("days_oldest_age", "Age of the oldest of them, in days.")
DAYS_OVERDUE = _gauge(
    "days_overdue",
    "Days older than NOTIFIER_KEEP_DAYS, by the reason why they are kept: docs/retention.md.",
    "reason",
)

UPDATES_WAITING = _gauge(
    "status_updates_waiting",
    "Status updates that wait for their destination; an empty one: no sender has taken them yet.",
    "destination",
)
UPDATES_FAILING = _gauge("status_updates_failing", "Of these, the ones that it did not accept before.", "destination")
UPDATES_OLDEST = _gauge("status_updates_oldest_seconds", "Age of the oldest of them.", "destination")
UPDATES = _counter(
    "status_updates",
    "Status updates that their destination accepted, or that retention dropped before: accepted, dropped.",
    "destination",
    "result",
)
