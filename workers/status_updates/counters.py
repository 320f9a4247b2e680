"""The metrics that each status sender counts itself."""

from collections.abc import Sequence

from notifier.metrics.names import status_sender as names

SENT = names.SENT.counter()
REQUEST_SECONDS = names.REQUEST_SECONDS.histogram()


class DestinationCounters:
    """Counts the requests to one destination. Safe to share between threads."""

    def __init__(self, destination: str) -> None:
        self._accepted, self._refused = (SENT.labels(destination, result) for result in ("accepted", "refused"))
        self._seconds = REQUEST_SECONDS.labels(destination)

    def count(self, answers: Sequence[str | None], seconds: float) -> None:
        """Count the answers of a request, None for each accepted update, and how long it took."""
        accepted = sum(answer is None for answer in answers)
        self._accepted.inc(accepted)
        self._refused.inc(len(answers) - accepted)
        self._seconds.observe(seconds)
