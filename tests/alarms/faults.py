"""Which alarms a test causes. `tests/alarms/test_coverage.py` holds them against the rules."""

from collections.abc import Callable
from typing import TypeVar

TestT = TypeVar("TestT", bound=Callable[..., object])
CAUSED: dict[str, str] = {}
"""The test that causes an alarm, by the alarm's name."""


def causes(*alarms: str) -> Callable[[TestT], TestT]:
    """Note that a test causes the fault of each of these alarms. The test fails unless it has seen each of them."""

    def note(test: TestT) -> TestT:
        CAUSED.update(dict.fromkeys(alarms, test.__name__))
        test.causes = alarms  # type: ignore[attr-defined]
        return test

    return note
