"""The metrics that each bridge counts itself. All others are read from Postgres, see `notifier.metrics`."""

from notifier.metrics.names import bridge as names

STREAM_ERRORS = names.STREAM_ERRORS.counter()
SHARDS_GIVEN_UP = names.SHARDS_GIVEN_UP.counter()
PUBLISHED = names.PUBLISHES.counter()
OUTBOX_FULL = names.OUTBOX_FULL.gauge()
VIEW_FAULTS = names.VIEW_FAULTS.gauge()
ALL_UNROUTED = names.ALL_UNROUTED.gauge()
