"""How fast one user may ask for pages: reloading them all the time must not slow down the pipeline."""

import time
from collections.abc import Callable

_AT_ONCE_SECONDS = 20.0
"""So many seconds' worth of pages may be asked for at once, after a pause that is as long."""

_MOST_SECONDS = 5.0
"""A request that would have to wait longer is refused."""

_MOST_USERS = 10_000


class Pace:
    """A pace of `per_second` pages for each user; 0: any. Methods are called from the event loop alone."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._due: dict[str, float] = {}  # when the last page of a user is due; the least recent user is first

    def wait(self, user: str) -> float | None:
        """Return the seconds that a request of this user has to wait; None if it is to be refused."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        due = max(self._due.pop(user, float("-inf")), now - _AT_ONCE_SECONDS)
        wait = max(0.0, due + 1 / self._per_second - now)
        refused = wait > _MOST_SECONDS
        self._due[user] = due if refused else due + 1 / self._per_second
        while len(self._due) > _MOST_USERS:
            del self._due[next(iter(self._due))]
        return None if refused else wait
