"""Wait for what another process or thread will do."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 10.0, message: str = "") -> T:
    """The first true value of `condition`, asked every 10 ms. Raises AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} seconds: {message or condition}")
        time.sleep(0.01)
    return value
