"""What a running simulator holds: the model of the account, the fault plan, and counts of calls."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from simulators.shared.faults import Plan
from simulators.shared.fields import Json
from simulators.streams import truth
from simulators.streams.behaviour import Behaviour
from simulators.streams.faults import FAULTS
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel


@dataclass(slots=True)
class CallCounts:
    """Calls by operation, errors by code, and the pages and records that GetRecords returned."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    pages: int = 0
    empty_pages: int = 0
    served: int = 0


class SimulatorState:
    """The model's clock runs with real time. `failed` are errors of commands that ran later, by `/_sim/at`."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.plan = Plan(FAULTS)
        self.reset({})

    def reset(self, changes: Json) -> None:
        """Return to the state after the start, with these settings changed. Raise ApiError if one is wrong."""
        self.model = StreamsModel(self._behaviour.changed(changes), Clock(time.time))
        self.plan.reset()
        self.call_counts = CallCounts()
        self.failed: list[str] = []

    def counts(self) -> dict[str, Any]:
        """What `GET /_sim/counts` returns."""
        counts = self.call_counts
        return {
            **truth.counts(self.model.account),
            "calls": dict(counts.calls),
            "errors": dict(counts.errors),
            "pages": counts.pages,
            "empty_pages": counts.empty_pages,
            "served": counts.served,
            "faults": dict(self.plan.fired),
            "failed": self.failed,
        }
