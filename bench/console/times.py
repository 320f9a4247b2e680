"""How long answers took. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

LIMIT_MS = 300.0
"""The goal for the 95th percentile of each page."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of the answers of one question. `cpu_ms`: the mean CPU of one, in the console and in Postgres."""

    p50_ms: float
    p95_ms: float
    longest_ms: float
    cpu_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float], cpu: float = 0.0) -> "Times":
        """Return the percentiles by nearest rank. There must be at least one. `cpu` is the seconds of CPU of all."""
        found = sorted(seconds)

        def percentile(percent: int) -> float:
            return round(found[(len(found) * percent + 99) // 100 - 1] * 1000, 1)

        return cls(percentile(50), percentile(95), percentile(100), round(cpu / len(found) * 1000, 1))

    @property
    def is_slow(self) -> bool:
        return self.p95_ms > LIMIT_MS


def slow(found: Mapping[str, Times]) -> list[str]:
    """Return the questions that miss the goal."""
    return [name for name, times in found.items() if times.is_slow]


def rows(found: Mapping[str, Times]) -> Iterator[dict[str, object]]:
    """Yield the rows of a table; the last column marks what misses the goal."""
    for name, times in found.items():
        yield {"page": name, **asdict(times), "": f"> {LIMIT_MS:.0f} ms" if times.is_slow else ""}
