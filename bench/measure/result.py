"""The result of the whole benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.end_to_end import median
from bench.growth import Growth
from bench.latency import Latency
from bench.measure.days import GrowthDays
from bench.measure.trial import Run
from bench.scale_out import PARTS, ScaleOut

OURS = "Notifier"
CELERY = "plain Celery"
LAMBDA = "Lambda handler"
_PEERS = {"plain_celery": CELERY, "lambda_handler": LAMBDA}
APART = ("streams simulator", "ses stub")
"""Processes that replace AWS: their CPU does not count."""


@dataclass(frozen=True, slots=True)
class Result:
    """`runs` by candidate, from stream to accepted mail."""

    runs: Mapping[str, Sequence[Run]]
    latency: Latency
    growth: Growth
    growth_days: GrowthDays
    scale_out: ScaleOut
    machine: Mapping[str, object]

    def summary(self) -> dict[str, Any]:
        """The last line of `make bench`. Other tools rely on its members."""
        ours = median(self.runs[OURS])
        return {
            "end_to_end": {
                "events_per_second": round(ours.events_per_second, 1),
                "cpu_us_per_event": {name: ours.cpu_us_per_event[name] for name in PARTS},
            },
            "peers": {name: self._peer(title) for name, title in _PEERS.items()},
            "latency_ms": self.latency.summary(),
            "growth": self.growth.summary(),
            "growth_days": self.growth_days.summary(),
            "scale_out": self.scale_out.summary(),
            "machine": dict(self.machine),
        }

    def _peer(self, title: str) -> dict[str, float]:
        """`ratio`: events per second of Notifier, divided by those of this peer."""
        theirs = median(self.runs[title]).events_per_second
        ratio = median(self.runs[OURS]).events_per_second / theirs
        return {"events_per_second": round(theirs, 1), "ratio": round(ratio, 2)}

    @property
    def facts(self) -> str:
        """The machine as one line of text."""
        facts = self.machine
        return f"{facts['cores']} cores of {facts['processor']}, {facts['memory_gb']} GB, Python {facts['python']}"
