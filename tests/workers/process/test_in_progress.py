from collections.abc import Iterator
from itertools import repeat
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from workers.process.in_progress import STUCK_SECONDS, InProgress

ANA, BO = UUID(int=1), UUID(int=2)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def in_progress(clock: Clock) -> Iterator[InProgress]:
    made = InProgress(clock)
    with made.hold([ANA]):
        yield made


def test_an_id_is_held_once(in_progress: InProgress) -> None:
    with in_progress.hold([ANA, BO, BO]) as taken:
        assert taken == [BO]
    with in_progress.hold([ANA, BO]) as taken:
        assert taken == [BO]


def test_an_id_is_free_again_after_an_error(in_progress: InProgress) -> None:
    with pytest.raises(LookupError), in_progress.hold([BO]):
        raise LookupError
    with in_progress.hold([BO]) as taken:
        assert taken == [BO]


def test_a_delivery_that_hangs_is_logged_once(in_progress: InProgress, clock: Clock) -> None:
    clock.now += STUCK_SECONDS - 1
    assert in_progress.stuck() == []
    clock.now += 2
    with capture_logs() as logs:
        assert [in_progress.stuck() for _ in repeat(None, 3)] == [[ANA]] * 3
    assert [(each["log_level"], each["notification"]) for each in logs] == [("warning", str(ANA))]


def test_a_delivery_that_waits_for_its_database_does_not_hang(in_progress: InProgress, clock: Clock) -> None:
    clock.now += STUCK_SECONDS - 1
    in_progress.touch([ANA])
    clock.now += STUCK_SECONDS - 1
    assert in_progress.stuck() == []
