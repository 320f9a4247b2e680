"""A metric family: its name, type, help text and labels. The code, the docs and the tests take them from here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

L = TypeVar("L", bound=str | tuple[str, ...])
"""The values of a family's labels; a text is the value of its only label."""


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(Enum):
    """Which processes serve a family, and how Prometheus adds up what several of them serve."""

    DATABASE = "bridge, from the database: the same in all bridges, so aggregate with `max`"
    BRIDGE = "bridge, of its own: `sum`, and `max` for gauges"
    WORKER = "worker, of its own: `sum`, and `max` for rates"
    FEEDBACK = "feedback, of its own: `sum`, and `min` for the age of the newest event"
    STATUS_SENDER = "status sender, of its own: `sum`"
    ALL = "each process, of its own"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family.

    `name` is as Prometheus shows it, a counter's without `_total`. `help` is its help text and its meaning in the
    docs. The values of `labels` are bounded: never an id, a recipient or a text of a provider. `buckets` are the
    upper bounds of a histogram.

        GAPS = Family("notifier_gaps", Kind.COUNTER, Source.DATABASE, "Times that records were lost.")
        yield GAPS.samples({(): 3})
    """

    name: str
    kind: Kind
    source: Source
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def shown(self) -> str:
        """The name that queries use: that of a counter ends with `_total`."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    def counter(self) -> Counter:
        """Return a counter of this process, served from now on."""
        self._must_be(Kind.COUNTER)
        return Counter(self.name, self.help, self.labels)

    def gauge(self) -> Gauge:
        """Return a gauge of this process, served from now on."""
        self._must_be(Kind.GAUGE)
        return Gauge(self.name, self.help, self.labels)

    def histogram(self) -> Histogram:
        """Return a histogram of this process, served from now on."""
        self._must_be(Kind.HISTOGRAM)
        return Histogram(self.name, self.help, self.labels, buckets=self.buckets)

    def samples(self, values: Mapping[L, float]) -> Metric:
        """Return a counter or gauge with these values, for a collector that reads them at each scrape."""
        found: CounterMetricFamily | GaugeMetricFamily
        if self.kind is Kind.COUNTER:
            found = CounterMetricFamily(self.name, self.help, labels=self.labels)
        else:
            self._must_be(Kind.GAUGE)
            found = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        for labels, value in values.items():
            found.add_metric([labels] if isinstance(labels, str) else list(labels), value)
        return found

    def sample(self, value: float) -> Metric:
        """Return it with one value, if it has no labels."""
        return self.samples({(): value})

    def _must_be(self, kind: Kind) -> None:
        if self.kind is not kind:
            raise TypeError(f"{self.name} is a {self.kind.value}, not a {kind.value}")


def families_in(modules: Iterable[ModuleType]) -> list[Family]:
    """Return the families that these modules define, in their order."""
    return [each for module in modules for each in vars(module).values() if isinstance(each, Family)]
