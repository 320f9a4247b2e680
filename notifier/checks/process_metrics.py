"""The metrics that every process serves: what it is, and whether it is healthy and ready."""

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifier.checks.process_checks import ProcessChecks
from notifier.metrics.names import process as names

DISTRIBUTION = "dynamodb-notifier"


class ProcessMetrics(Collector):
    """Asks the checks at each scrape."""

    def __init__(self, checks: ProcessChecks) -> None:
        self._checks = checks
        self._info = (checks.process, _version(), platform.python_version())

    def collect(self) -> Iterator[Metric]:
        yield names.INFO.samples({self._info: 1})
        yield names.HEALTHY.sample(self._checks.health().good)
        yield names.READY.sample(self._checks.readiness().good)

    def describe(self) -> Iterable[Metric]:
        return ()


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
