"""What a simulator holds: the model, the faults to come, and what was counted."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from simulators.streams import truth
from simulators.streams.behaviour import Behaviour
from simulators.streams.faults import Plan
from simulators.streams.fields import Json
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel


@dataclass(slots=True)
class CallCounts:
    """Calls by operation, errors by code, and what GetRecords gave."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    pages: int = 0
    empty_pages: int = 0
    served: int = 0


class SimulatorState:
    """Its clock runs with the real time."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.reset({})

    def reset(self, changes: Json) -> None:
        """As if just started, with these settings changed."""
        self.model = StreamsModel(self._behaviour.changed(changes), Clock(time.time))
        self.plan = Plan()
        self.tally = CallCounts()
        # What was planned with /_sim/at and could not be done.
        self.failed: list[str] = []

    def counts(self) -> dict[str, Any]:
        tally = self.tally
        return {
            **truth.counts(self.model.account),
            "calls": dict(tally.calls),
            "errors": dict(tally.errors),
            "pages": tally.pages,
            "empty_pages": tally.empty_pages,
            "served": tally.served,
            "faults": dict(self.plan.fired),
            "failed": self.failed,
        }
