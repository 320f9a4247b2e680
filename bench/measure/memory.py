"""The memory of each process before and after very many events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.figures.screen import say
from bench.measure.servers import Servers
from bench.measure.trial import Candidate, trial

MANY = 1_000_000
PORTION = 100_000
"""Events that are loaded at once: the simulator makes their pages ahead, and the memory is measured after each."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes of each process `before` so many `events`, after the warm-up, and after each portion of them."""

    events: int
    before: Mapping[str, int]
    samples: Sequence[Mapping[str, int]]

    @property
    def after(self) -> Mapping[str, int]:
        return self.samples[-1]

    def rows(self) -> list[dict[str, object]]:
        """A table with the megabytes of each process."""
        return [
            {
                "MB": name,
                "before": before / 2**20,
                f"after {self._first:,}": self.samples[0][name] / 2**20,
                f"after {self.events:,} events": self.after[name] / 2**20,
                "at most": self._most(name) / 2**20,
                "bytes an event since": self._since(name),
            }
            for name, before in self.before.items()
        ]

    def summary(self) -> dict[str, object]:
        return {
            "events": self.events,
            "memory_mb": {
                name: {
                    "before": round(before / 2**20, 1),
                    "after_each_portion": [round(each[name] / 2**20, 1) for each in self.samples],
                    "after": round(self.after[name] / 2**20, 1),
                    "at_most": round(self._most(name) / 2**20, 1),
                }
                for name, before in self.before.items()
            },
        }

    @property
    def _first(self) -> int:
        return min(PORTION, self.events)

    def _since(self, name: str) -> float:
        """Bytes an event after the first portion: a process that has found its size does not grow any more."""
        events = self.events - self._first
        return (self.after[name] - self.samples[0][name]) / events if events else 0.0

    def _most(self, name: str) -> int:
        return max(each[name] for each in (self.before, *self.samples))


def memory_use(servers: Servers, candidate: Candidate, events: int) -> MemoryUse:
    """Measure the processes of one trial after a warm-up, and after each portion of the events."""
    with trial(servers, candidate) as trial_run:
        trial_run.warm_up()
        before, samples, done = trial_run.memory(), [], 0
        while done < events:
            run = trial_run.run(min(PORTION, events - done))
            done += run.events
            samples.append(trial_run.memory())
            say(f"{done:,} of {events:,} events: {run.events_per_second:,.0f} events/s")
    return MemoryUse(done, before, samples)
