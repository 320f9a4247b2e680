"""One user gets so many pages a second: some at once, then one after the other, and none where the queue is long."""

from collections.abc import Callable

import pytest

from notifier.settings import ConsoleSettings
from tests.web.console.person import Person
from web.console.access import pace as module
from web.console.access.pace import Pace
from web.console.access.role import Role


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("start", [0.0, 1e6])
def test_pages_at_once_and_then_at_the_pace(clock: Clock, start: float) -> None:
    clock.now = start
    pace = Pace(1, clock)
    assert [pace.wait("eva") for _ in range(20)] == [0.0] * 20
    assert [pace.wait("eva") for _ in range(3)] == [1.0, 2.0, 3.0]
    assert pace.wait("bo") == 0.0
    clock.now += 4.0
    assert pace.wait("eva") == 0.0
    clock.now += 3_600.0
    assert [pace.wait("eva") for _ in range(21)] == [0.0] * 20 + [1.0]


def test_a_long_queue_is_refused_and_grows_no_longer(clock: Clock) -> None:
    pace = Pace(1, clock)
    waits = [pace.wait("eva") for _ in range(200)]
    assert waits[24] == 5.0
    assert waits[25:] == [None] * 175
    clock.now += 2.0
    assert [pace.wait("eva") for _ in range(3)] == [4.0, 5.0, None]


def test_no_pace_at_all(clock: Clock) -> None:
    pace = Pace(0, clock)
    assert {pace.wait("eva") for _ in range(1_000)} == {0.0}


def test_users_that_were_not_seen_for_long_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_USERS", 2)
    pace = Pace(2, clock)
    for user in ("eva", "bo", "eva", "ana"):
        pace.wait(user)
    assert list(pace._due) == ["eva", "ana"]


class TestServed:
    @pytest.fixture
    def settings(self, settings: ConsoleSettings) -> ConsoleSettings:
        return settings.model_copy(update={"console_pages_per_second": 0.05})

    def test_who_asks_for_too_many_is_told_to_wait(self, signed_in: Callable[[Role], Person]) -> None:
        viewer, operator = signed_in(Role.VIEWER), signed_in(Role.OPERATOR)
        assert viewer.get("/operations").status_code == 200
        answer = viewer.get("/operations")
        assert answer.status_code == 429
        assert "wait some seconds" in answer.text
        assert operator.get("/operations").status_code == 200
