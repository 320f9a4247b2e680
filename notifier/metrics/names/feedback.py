"""Metrics that each feedback process counts itself."""

from notifier.metrics.family import Family, Kind, Source

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_DELAYS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
_SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


def _counter(name: str, meaning: str, *labels: str) -> Family:
    return Family(f"notifier_{name}", Kind.COUNTER, Source.FEEDBACK, meaning, ("channel", *labels))


def _histogram(name: str, meaning: str, buckets: tuple[float, ...]) -> Family:
    return Family(f"notifier_{name}", Kind.HISTOGRAM, Source.FEEDBACK, meaning, ("channel",), buckets)


RECEIVED = _counter("feedback_received", "Events that were received and settled, by the provider's kind.", "kind")
SETTLED = _counter(
    "feedback_settled",
    "The same by what they were: `fresh`, `repeated`, `unmatched`; `accepted` of them proved that a mail was "
    "accepted, `duplicates` that it was accepted twice; `dead` are messages that became dead letters.",
    "result",
)
BATCH_SIZE = _histogram("feedback_batch_size", "Events in a batch that was settled.", _SIZES)
SETTLE_SECONDS = _histogram("feedback_settle_seconds", "Seconds that the transaction of a batch took.", _SECONDS)
DELAY = _histogram(
    "feedback_delay_seconds",
    "Seconds from the provider's own time of an event until it was settled, by the clock of this machine.",
    _DELAYS,
)
NEWEST_EVENT = Family(
    "notifier_feedback_newest_event_seconds",
    Kind.GAUGE,
    Source.FEEDBACK,
    "How long ago the newest event happened that this process has settled, by the clock of this machine.",
    ("channel",),
)
