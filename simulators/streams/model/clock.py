"""The clock of the simulated account, which tests can advance."""

import heapq
from collections.abc import Callable

DAY = 24 * 3600.0
START = 1_790_000_000.0

Action = Callable[[], object]


class Clock:
    """Seconds since the epoch. It stands still until `advance`; with a `source` it also runs as that does.

    While an action that was planned with `at` runs, the clock shows the time for which it was planned.
    """

    def __init__(self, source: Callable[[], float] | None = None) -> None:
        self._source = source or (lambda: START)
        self._ahead = 0.0
        self._shown: float | None = None
        self._plans: list[tuple[float, int, Action]] = []
        self._planned = 0

    def now(self) -> float:
        return self._source() + self._ahead if self._shown is None else self._shown

    def advance(self, seconds: float) -> None:
        """Move the clock forward and run the actions that are then due. Raise ValueError for a negative number."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._ahead += seconds
        self.catch_up()

    def at(self, time: float, action: Action) -> None:
        """Plan `action` for `time`, or for now if that is past. `advance` and `catch_up` run it."""
        self._planned += 1
        heapq.heappush(self._plans, (max(time, self.now()), self._planned, action))

    def catch_up(self) -> None:
        """Run the actions that are due, in the order of their times."""
        if self._shown is not None:  # called from an action: the other actions run after it
            return
        try:
            while self._plans and self._plans[0][0] <= self._source() + self._ahead:
                self._shown, _, action = heapq.heappop(self._plans)
                action()
        finally:
            self._shown = None
