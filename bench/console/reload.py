"""What a console that is reloaded all the time costs the pipeline: events a second with it and without it."""

import os
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle

from bench.console.site import Site, running_console
from bench.end_to_end import rounds, table
from bench.measure.notifier import bench_environment, notifier
from bench.measure.servers import Servers
from bench.measure.trial import Processes, Run

WITHOUT, WITH = "without", "with a console"
RELOADED = ("/", "/notifications", "/notifications/count", "/channels")


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Runs without and with a console, pairs in the order of time.

    `per_second` is the reloads that were done, `cpu_ms` the milliseconds of CPU of one, in the console and in its
    sessions with Postgres, and `share` that CPU as a share of all cores. On a machine that is busy all the time the
    pipeline loses that share; unlike the throughput it does not depend on what else the machine does.
    """

    runs: Mapping[str, Sequence[Run]]
    per_second: float
    cpu_ms: float
    share: float

    @property
    def ratios(self) -> list[float]:
        """Events a second with the console, divided by those without it, of each pair."""
        pairs = zip(self.runs[WITH], self.runs[WITHOUT], strict=True)
        return [one.events_per_second / other.events_per_second for one, other in pairs]

    @property
    def ratio(self) -> float:
        """The median of the pairs. 1: the console costs nothing."""
        return statistics.median(self.ratios)

    def rows(self) -> Iterator[dict[str, object]]:
        yield from table(self.runs)
        yield {"": "reloads/s", WITH: self.per_second}
        yield {"": "ms of CPU a reload", WITH: self.cpu_ms}
        yield {"": "% of all cores", WITH: f"{self.share:.2%}"}
        yield {"": "events/s with / without", WITH: f"{self.ratio:.3f}"}

    def summary(self) -> dict[str, object]:
        return {
            "ratio": round(self.ratio, 3),
            "ratios": [round(each, 3) for each in self.ratios],
            "events_per_second": {
                name: [round(each.events_per_second) for each in some] for name, some in self.runs.items()
            },
            "reloads_per_second": round(self.per_second, 1),
            "cpu_ms_per_reload": round(self.cpu_ms, 1),
            "share_of_all_cores": round(self.share, 4),
        }


@dataclass(slots=True)
class _Reloads:
    """How many reloads there were in all trials, in how many seconds, with how much CPU of the console."""

    count: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self, site: Site, per_second: float | None) -> Iterator[None]:
        """Reload one page after the other in a thread. Raise what it raised, after the block."""
        stop, failed = threading.Event(), []
        began, before = time.monotonic(), site.cpu()

        def reload() -> None:
            due = time.monotonic()
            for address in cycle(RELOADED):
                if stop.wait(max(0.0, due - time.monotonic())):
                    return
                try:
                    site.get(address)
                except Exception as error:  # raised in the thread that waits  # noqa: BLE001
                    failed.append(error)
                    return
                self.count += 1
                due = max(due + 1 / per_second, time.monotonic() - 1) if per_second else 0.0

        thread = threading.Thread(target=reload, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        self.seconds += time.monotonic() - began
        self.cpu += site.cpu() - before
        if failed:
            raise failed[0]


def reloaded(servers: Servers, count: int, seconds: float, per_second: float | None = None) -> Reloaded:
    """`count` pairs of runs, each of about `seconds`; with `per_second` reloads, or one after the other if None."""
    reloads = _Reloads()

    @contextmanager
    def with_console(some: Servers, database: str) -> Iterator[Processes]:
        with (
            notifier(some, database) as processes,
            running_console(some.folder, bench_environment(some, database)) as site,
            reloads.running(site, per_second),
        ):
            yield {**processes, "console": [site.child]}

    runs = rounds(servers, {WITHOUT: notifier, WITH: with_console}, count, seconds)
    share = reloads.cpu / reloads.seconds / (os.cpu_count() or 1)
    return Reloaded(runs, reloads.count / reloads.seconds, reloads.cpu / max(1, reloads.count) * 1000, share)
