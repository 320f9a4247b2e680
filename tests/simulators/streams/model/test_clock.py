import pytest

from simulators.streams.model.clock import START, Clock


def test_it_stands_still_until_it_is_moved():
    clock = Clock()
    clock.advance(5)
    assert clock.now() == START + 5
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_it_runs_with_its_source_plus_what_it_was_advanced():
    source = [100.0]
    clock = Clock(lambda: source[0])
    clock.advance(50)
    source[0] = 101.0
    assert clock.now() == 151.0


def test_planned_actions_run_in_order_at_their_times():
    clock, seen = Clock(), []
    for after in (20, 10, 10):
        clock.at(START + after, lambda after=after: seen.append((after, clock.now() - START)))
    clock.advance(15)
    assert seen == [(10, 10), (10, 10)]
    clock.advance(15)
    assert seen[2:] == [(20, 20)]
    assert clock.now() == START + 30


def test_an_action_planned_for_the_past_runs_at_once():
    clock, seen = Clock(), []
    clock.at(START - 100, lambda: seen.append(clock.now()))
    clock.catch_up()
    assert seen == [START]


def test_with_a_source_actions_run_at_catch_up():
    source, seen = [100.0], []
    clock = Clock(lambda: source[0])
    clock.at(110, lambda: seen.append(clock.now()))
    source[0] = 130.0
    clock.catch_up()
    assert seen == [110]
    assert clock.now() == 130


def test_an_action_may_plan_another_and_an_error_does_not_stop_the_clock():
    clock, seen = Clock(), []
    clock.at(START + 1, lambda: clock.at(START + 2, lambda: seen.append(clock.now() - START)))
    clock.at(START + 3, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        clock.advance(10)
    assert seen == [2]
    assert clock.now() == START + 10
