"""The metrics that every process serves: what it is, and whether it is healthy and ready."""

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifier.metrics.names import process as names
from notifier.probes.checks import Probes

DISTRIBUTION = "dynamodb-notifier"


class ProcessMetrics(Collector):
    """Asks the probes at each scrape."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        self._info = (probes.process, _version(), platform.python_version())

    def collect(self) -> Iterator[Metric]:
        yield names.INFO.samples({self._info: 1})
        yield names.HEALTHY.sample(self._probes.health().good)
        yield names.READY.sample(self._probes.readiness().good)

    def describe(self) -> Iterable[Metric]:
        return ()


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a folder that nobody installed
        return "unknown"
