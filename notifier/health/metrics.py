"""The metrics that every process serves: what it is, and whether it is healthy and ready."""

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifier.health.conditions import ProcessHealth
from notifier.metrics.names import process as names

DISTRIBUTION = "dynamodb-notifier"


class ProcessMetrics(Collector):
    """Asks the conditions at each scrape."""

    def __init__(self, health: ProcessHealth) -> None:
        self._health = health
        self._info = (health.process, _version(), platform.python_version())

    def collect(self) -> Iterator[Metric]:
        yield names.INFO.samples({self._info: 1})
        yield names.HEALTHY.sample(self._health.liveness().good)
        yield names.READY.sample(self._health.readiness().good)

    def describe(self) -> Iterable[Metric]:
        return ()


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
