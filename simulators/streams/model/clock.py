"""The time of the simulated account, which tests may move on."""

import heapq
from collections.abc import Callable

DAY = 24 * 3600.0
START = 1_790_000_000.0

Action = Callable[[], object]


class Clock:
    """Seconds since the epoch. It stands still until `advance` moves it; with a `source`, it runs with that too.

    What is planned with `at` happens at its own time: as far as it can see, the clock shows exactly that.
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
        if seconds < 0:
            raise ValueError("time does not go back")
        self._ahead += seconds
        self.catch_up()

    def at(self, time: float, action: Action) -> None:
        """Do this at that time, or at once if it is over."""
        self._planned += 1
        heapq.heappush(self._plans, (max(time, self.now()), self._planned, action))

    def catch_up(self) -> None:
        """Do what is due, each at its own time."""
        if self._shown is not None:  # an action that looks at the clock: the others come after it
            return
        try:
            while self._plans and self._plans[0][0] <= self._source() + self._ahead:
                self._shown, _, action = heapq.heappop(self._plans)
                action()
        finally:
            self._shown = None
