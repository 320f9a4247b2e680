"""The gauges of a worker, read at each scrape. Between scrapes they cost nothing."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifier.metrics.names import worker as names
from notifier.send_pool import pools
from workers.deliverer import Deliverer
from workers.process.in_progress import InProgress
from workers.sending.bucket import TokenBucket


@dataclass(frozen=True, slots=True)
class ChannelParts:
    """The parts of a channel in this worker that know its gauges."""

    deliverer: Deliverer
    bucket: TokenBucket


class WorkerGauges(Collector):
    """`channels` returns the channels that have had a message, by name."""

    def __init__(self, in_progress: InProgress, channels: Callable[[], Mapping[str, ChannelParts]]) -> None:
        self._in_progress = in_progress
        self._channels = channels

    def collect(self) -> Iterator[Metric]:
        channels = self._channels()
        yield names.IN_PROGRESS.sample(self._in_progress.count())
        yield names.BUILD_THREADS.samples(
            {
                (name, state): number
                for name, parts in channels.items()
                for state, number in parts.deliverer.build_threads().items()
            }
        )
        yield names.RATE_ALLOWED.samples({name: _or_none(each.bucket.allowed) for name, each in channels.items()})
        yield names.RATE_NOW.samples({name: _or_none(each.bucket.now) for name, each in channels.items()})
        receivers = {pool.name: pool.receivers() for pool in pools()}
        yield names.RECEIVERS.samples(
            {(name, state): getattr(each, state) for name, each in receivers.items() for state in ("open", "slow")}
        )
        yield names.RECEIVER_REQUESTS.samples(
            {
                (name, state): getattr(each, state)
                for name, each in receivers.items()
                for state in ("running", "waiting")
            }
        )

    def describe(self) -> Iterable[Metric]:
        return ()


def _or_none(rate: float | None) -> float:
    return math.inf if rate is None else rate
