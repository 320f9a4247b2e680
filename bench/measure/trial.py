"""Measure a candidate: start it on empty servers, warm it up, and measure its processes from outside."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from bench.figures.screen import progress
from bench.measure.load import Load, check_exact, start_load
from bench.measure.processes import Usage, cpu_us_per_event, memory, usage
from bench.measure.servers import Servers
from bench.measure.stall import Stall
from sandbox.embedded.processes import Child

Processes = Mapping[str, Sequence[Child]]
"""The processes of a candidate, by their task: `bridge`, `worker`."""
Candidate = Callable[[Servers, str], AbstractContextManager[Processes]]
"""Starts its processes with these servers, and with an empty database, given by its URL."""

_FIRST_EVENTS = 200
_STEP = 500
_WARM_SECONDS = 2.0
_FASTER = 1.1
"""A run that does so many times as many events a second as the one before it shows that it is not warm yet."""
_LATE = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """`seconds` is the time from `start`, when the first event could be read, to the last mail. CPU is user and
    system time of the processes with all their children, in that time.
    """

    events: int
    start: float
    seconds: float
    cpu_us_per_event: Mapping[str, float]

    @property
    def events_per_second(self) -> float:
        return self.events / self.seconds


class Trial:
    """A running candidate."""

    def __init__(self, servers: Servers, processes: Processes) -> None:
        self._servers = servers
        self._processes = processes
        own = {name: [each.pid for each in some] for name, some in processes.items()}
        self._pids: dict[str, int | Sequence[int]] = {**own, **servers.pids}

    def warm_up(self, rate: float | None = None) -> float:
        """Let it connect, compile and fill caches, until it becomes no faster from run to run. Returns approximately
        how many events it processes per second.

        `rate` is that figure from an earlier trial; it makes the warm-up shorter.
        """
        self.run(_FIRST_EVENTS)
        if rate:
            return self.run(round(rate * _WARM_SECONDS)).events_per_second
        events, before = _STEP, 0.0
        while (run := self.run(events)).seconds < _WARM_SECONDS or run.events_per_second > before * _FASTER:
            events, before = events * (1 if run.seconds >= _WARM_SECONDS else 4), run.events_per_second
        return run.events_per_second

    def run(self, events: int, rate: float | None = None) -> Run:
        """Load so many events, `rate` a second or all at once, and wait for all their mails."""
        goal = self._servers.ses.counts()["accepted"]
        load = start_load(self._servers, events, rate)
        goal += load.events
        before = self._usage_at(load.start)
        self._until_accepted(goal, load)
        self._check()
        after = usage(self._pids)
        ended = max(self._servers.ses.accepted_at().values())
        return Run(load.events, load.start, ended - load.start, cpu_us_per_event(before, after, load.events))

    def _usage_at(self, start: float) -> dict[str, Usage]:
        """The usage when the load starts. On a busy machine this process may get its turn seconds later: then that
        of the moment before the wait, so that no CPU of the load is left out.
        """
        before = usage(self._pids)
        time.sleep(max(0.0, start - time.time()))
        found = usage(self._pids)
        return found if time.time() < start + _LATE else before

    def memory(self) -> dict[str, int]:
        """Bytes of memory of each process and server now, by its name."""
        own = {each.name: each.pid for some in self._processes.values() for each in some}
        return {name: memory(pid) for name, pid in {**own, **self._servers.pids}.items()}

    def _until_accepted(self, goal: int, load: Load) -> None:
        stall = Stall()
        with progress() as bars:
            bar = bars.add_task("mails", total=load.events)
            while (accepted := self._servers.ses.counts()["accepted"]) < goal:
                self._check()
                stall.note(goal - accepted, "{} mails are missing")
                bars.update(bar, completed=accepted - goal + load.events)
                time.sleep(0.2)

    def _check(self) -> None:
        for some in self._processes.values():
            for each in some:
                each.check()


@contextmanager
def trial(servers: Servers, candidate: Candidate) -> Iterator[Trial]:
    """A running candidate. It stops after the block; then raises NotExact unless each event became one mail."""
    servers.clear()
    with servers.database() as url:
        with candidate(servers, url) as processes:
            yield Trial(servers, processes)
        check_exact(servers)
