"""Metrics that each status sender counts itself."""

from notifier.metrics.family import Family, Kind, Source

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

SENT = Family(
    "notifier_status_sender_updates",
    Kind.COUNTER,
    Source.STATUS_SENDER,
    "Status updates that this process sent, by what the destination said: `accepted`, or `refused`, which is also no "
    "answer; those are sent again.",
    ("destination", "result"),
)
REQUEST_SECONDS = Family(
    "notifier_status_sender_request_seconds",
    Kind.HISTOGRAM,
    Source.STATUS_SENDER,
    "Seconds until the answer to a batch of status updates.",
    ("destination",),
    _SECONDS,
)
