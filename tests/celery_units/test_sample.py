"""Which tasks send events, on a clock that stands still unless the test moves it."""

import uuid

import pytest

from celery_units.sample import Sample


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ids(count: int) -> list[str]:
    return [str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))) for number in range(count)]


def second(sample: Sample, clock: Clock, tasks: list[str]) -> set[str]:
    """What is shown of so many tasks, spread over the second that begins now."""
    shown = set()
    for task in tasks:
        if sample.shown([task])[0]:
            shown.add(task)
        clock.now += 1 / len(tasks)
    return shown


def test_all_is_shown_below_the_rate(clock: Clock) -> None:
    sample, tasks = Sample(100, clock), ids(90)
    for _ in range(5):
        assert second(sample, clock, tasks) == set(tasks)


def test_above_it_about_as_many_as_wanted(clock: Clock) -> None:
    sample, tasks = Sample(100, clock), ids(10_000)
    assert len(second(sample, clock, tasks)) < 1_000  # the load came at once
    for _ in range(5):
        assert 30 < len(second(sample, clock, tasks)) <= 200


def test_all_is_shown_again_when_the_load_is_over(clock: Clock) -> None:
    sample = Sample(100, clock)
    second(sample, clock, ids(10_000))
    clock.now += 1.0
    sample.shown(["first of the next second"])
    clock.now += 1.0
    assert second(sample, clock, ids(50)) == set(ids(50))


def test_what_is_shown_at_a_high_rate_every_worker_shows_at_any_lower_one(clock: Clock) -> None:
    high, low, tasks = Sample(100, clock), Sample(100, clock), ids(8_000)
    second(high, clock, tasks)
    second(low, clock, tasks[:1_000])
    rare, often = second(high, clock, tasks), second(low, clock, tasks[:1_000])
    assert rare.intersection(tasks[:1_000]) <= often < set(tasks)


def test_none_is_shown_where_none_is_wanted(clock: Clock) -> None:
    assert second(Sample(0, clock), clock, ids(1_000)) == set()
