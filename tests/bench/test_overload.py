"""The ages of waiting events under overload."""

import pytest

from bench.measure.servers import Servers
from bench.overload import Age, ages, overload

WRITTEN = {"a": 100.0, "b": 101.0, "c": 102.0, "d": 103.0}


def test_in_order_the_oldest_event_is_as_old_as_in_a_fifo_queue() -> None:
    assert ages(WRITTEN, {"a": 101.5, "b": 102.5}, [104.0]) == [Age(4.0, 2.0, 2.0)]


def test_newest_first_the_oldest_event_is_older_than_in_a_fifo_queue() -> None:
    (found,) = ages(WRITTEN, {"d": 103.5, "c": 103.6}, [104.0])
    assert found == Age(4.0, 4.0, 2.0)
    assert found.ratio == 2.0


def test_a_moment_at_which_nothing_waits_is_left_out() -> None:
    assert ages(WRITTEN, {"a": 100.5}, [100.7]) == []


def test_a_short_overload_is_measured_on_real_processes(servers: Servers) -> None:
    found = overload(servers, rate=20.0, seconds=12.0, bridges=1)
    assert [each.second for each in found] == pytest.approx([10.0, 11.0, 12.0], abs=0.1)
    assert all(each.ratio >= 1.0 for each in found)
