"""Metrics that each process serves, beside `process_*` and `python_*` of the Prometheus client."""

from notifier.metrics.family import Family, Kind, Source

INFO = Family(
    "notifier_info",
    Kind.GAUGE,
    Source.ALL,
    "1, with the versions of Notifier and of Python, and which process this is: bridge, worker, feedback or "
    "status-sender.",
    ("process", "version", "python"),
)
READY = Family(
    "notifier_ready", Kind.GAUGE, Source.ALL, "1 while /readyz answers 200: the process can do its work; else 0."
)
HEALTHY = Family(
    "notifier_healthy", Kind.GAUGE, Source.ALL, "1 while /healthz answers 200: the process makes progress; else 0."
)
