"""The metrics that a worker counts itself, for this process."""

from notifier.metrics.names import worker as names

DELIVERIES = names.DELIVERIES.counter()
ROUTE_ERRORS = names.ROUTE_ERRORS.counter()
OUTCOMES = names.OUTCOMES.counter()
MESSAGES = names.MESSAGES.counter()
NOT_PENDING = names.NOT_PENDING.counter()
UNIT_SIZE = names.UNIT_SIZE.histogram()
STEP_SECONDS = names.STEP_SECONDS.histogram()
BUILD_LOSSES = names.BUILD_LOSSES.counter()
DATABASE_RETRIES = names.DATABASE_RETRIES.counter()
