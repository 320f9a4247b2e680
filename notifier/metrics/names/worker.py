"""Metrics that each worker counts itself. Statuses and outcomes are counted for a unit at a time."""

from notifier.metrics.family import Family, Kind, Source

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)


def _counter(name: str, meaning: str, *labels: str) -> Family:
    return Family(f"notifier_{name}", Kind.COUNTER, Source.WORKER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Family:
    return Family(f"notifier_{name}", Kind.GAUGE, Source.WORKER, meaning, labels)


DELIVERIES = _counter(
    "deliveries",
    "Deliveries by the status that attempts of this worker led to; pending: a retry.",
    "channel",
    "route",
    "status",
)
ROUTE_ERRORS = _counter("route_errors", "Failures of a route or its template in this worker.", "channel", "route")
OUTCOMES = _counter(
    "outcomes",
    "Answers to requests by outcome: accepted, rejected, not_sent, throttled, blocked, parked, offline, late, "
    "unknown. Its rate is the rate at which the channel sends now. Parked: the provider takes nothing of a part of "
    "the account, as a tenant, and its messages wait.",
    "channel",
    "outcome",
)
MESSAGES = _counter(
    "messages",
    "Messages from the broker that were taken up: `first`, or `again` after a worker that had the message was lost.",
    "channel",
    "delivery",
)
NOT_PENDING = _counter(
    "messages_not_pending",
    "Of these, the ones for which there was nothing to do: the delivery has ended, or another worker has it.",
    "channel",
)
UNIT_SIZE = Family("notifier_unit_size", Kind.HISTOGRAM, Source.WORKER, "Messages in a unit.", ("channel",), _SIZES)
STEP_SECONDS = Family(
    "notifier_step_seconds",
    Kind.HISTOGRAM,
    Source.WORKER,
    "Seconds that a step took for all messages of a unit or batch. load: read the rows; build: wait for routes and "
    "templates; begin, finish: write the attempts and their outcomes; send: the requests; decide: write what needs "
    "no request.",
    ("channel", "step"),
    _SECONDS,
)
BUILD_LOSSES = _counter("build_losses", "Processes for isolated builds that died during a build.", "channel")
DATABASE_RETRIES = _counter("database_retries", "Statements that failed because the database did not answer.")
IN_PROGRESS = _gauge("in_progress", "Notifications that this worker works on, of all of its channels.")
BUILD_THREADS = _gauge(
    "build_threads",
    "Threads that build: `alive`; `hanging`, whose build has exceeded its timeout; and slow builds that their unit "
    "does not wait for, `aside`.",
    "channel",
    "state",
)
RATE_ALLOWED = _gauge(
    "rate_allowed",
    "Recipients a second that the provider, or NOTIFIER_RATES, allows all workers of the channel; +Inf: no limit.",
    "channel",
)
RATE_NOW = _gauge(
    "rate_now",
    "Of these, what the workers use when they last asked: less for a while after the provider has throttled.",
    "channel",
)
RECEIVERS = _gauge(
    "receivers", "Receivers with requests in this worker: `open`, and of these the `slow` ones.", "channel", "state"
)
RECEIVER_REQUESTS = _gauge(
    "receiver_requests", "Requests to these receivers: `running`, or `waiting` for a thread.", "channel", "state"
)
