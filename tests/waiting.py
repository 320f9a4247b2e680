"""Wait for what another process or thread will do."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SLOWNESS = 3.0
"""How many times slower a machine may be than the one for which tests name seconds: it may be busy with other tests.
Waits for what must happen, and the time limits of tests, are longer by this factor.
"""


def wait_until(condition: Callable[[], T], seconds: float = 10.0, message: str = "") -> T:
    """Return the first true value of `condition`, asked every 10 ms. Raise AssertionError after SLOWNESS times
    `seconds`.
    """
    return soon(condition, seconds * SLOWNESS, message)


def soon(condition: Callable[[], T], seconds: float, message: str = "") -> T:
    """As `wait_until`, of a test that says how soon something happens: `seconds` are the same on each machine."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} seconds: {message or condition}")
        time.sleep(0.01)
    return value
