"""The trace of single events through all steps."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from bench.measure.servers import Servers
from bench.trace.__main__ import trace, traced
from bench.trace.marks import Mark, Marks, Written
from bench.trace.steps import STEPS, in_order
from bench.trace.watch import wrap
from notifier.errors import NotifierError

A, B = UUID(int=1), UUID(int=2)
SECONDS = {point: float(place) for place, point in enumerate(STEPS)}


def test_each_event_of_a_small_load_is_seen_at_all_steps(servers: Servers) -> None:
    found = trace(servers, rate=100.0, seconds=2.0)
    assert found.missing == []
    assert found.events == 200
    assert [each.name for each in found.steps] == [name for name in STEPS.values() if name]
    assert all(len(each.milliseconds) == found.events for each in found.steps)
    assert all(duration >= 0 for each in found.steps for duration in each.milliseconds)
    assert sum(each.share for each in found.steps) == pytest.approx(1)
    assert sum(sum(each.milliseconds) for each in found.steps) == pytest.approx(sum(found.finished))
    assert found.accepted[-1] <= found.finished[-1]
    assert set(found.summary()["steps_ms"]) == {each.name for each in found.steps}


def test_nothing_is_wrapped_in_a_process_without_a_trace() -> None:
    """The trace is in its own processes: importing it changes nothing."""
    code = """
import bench.trace.__main__
from bridge.stream.client import StreamsClient
from bridge.stream.page import UnreadPage
from workers.sending.sender import Sender
assert not any(hasattr(each, "__wrapped__") for each in (StreamsClient.records, UnreadPage.read, Sender.send))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_what_is_to_be_watched_exists() -> None:
    code = "from bench.trace.marks import Marks; from bench.trace.watch import *; marks = Marks(); "
    code += "watch_bridge(marks); watch_worker(marks); assert not marks.missing, marks.missing"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_marks_come_back_from_the_files_of_all_processes(tmp_path: Path) -> None:
    for pid, id_ in enumerate((A, B)):
        marks = Marks(numbers={id_: str(pid)})
        marks.add("reserved", [b'{"id":"%b"}' % str(id_).encode()], 5.0)
        marks.add("loaded", [id_], 6.0)
        marks.write(tmp_path, pid)
    found = Written.read(tmp_path)
    assert found.numbers == {str(A): "0", str(B): "1"}
    assert sorted((each.point, each.at, *each.ids) for each in found.marks) == [
        ("loaded", 6.0, str(A)),
        ("loaded", 6.0, str(B)),
        ("reserved", 5.0, str(A)),
        ("reserved", 5.0, str(B)),
    ]


def written(*points: str) -> Written:
    """What was written of one event that passed each of these points one second after the point before it."""
    own = [point for point in points if point not in ("written", "accepted")]
    marks = [Mark(point, SECONDS[point], [str(A), str(B)]) for point in own]
    again = [Mark(point, SECONDS[point] + 100, [str(A)]) for point in own]  # as after a second delivery
    return Written([*again, *marks], {str(A): "7"})


def test_each_step_takes_the_time_since_the_point_before_it() -> None:
    found = traced(1000, written(*STEPS), {"7": 0.0}, {"7": SECONDS["accepted"]})
    assert {each.name: each.milliseconds for each in found.steps} == {
        name: [1000.0] for name in STEPS.values() if name
    }
    assert {each.share for each in found.steps} == {1 / (len(STEPS) - 1)}
    assert found.accepted == [SECONDS["accepted"] * 1000]


def test_what_was_not_seen_is_part_of_the_step_after_it() -> None:
    points = [point for point in STEPS if point not in ("opened", "parsed")]
    found = traced(1000, written(*points), {"7": 0.0}, {"7": SECONDS["accepted"]})
    assert {each.name: each.milliseconds for each in found.steps}[STEPS["classified"]] == [3000.0]


def test_an_event_that_was_not_finished_is_left_out() -> None:
    points = [point for point in STEPS if point != "finished"]
    with pytest.raises(NotifierError, match="no event was seen at all steps"):
        traced(1000, written(*points), {"7": 0.0}, {"7": SECONDS["accepted"]})


def test_a_step_that_ends_before_it_begins_takes_no_time() -> None:
    times = in_order({**SECONDS, "asked": -5.0, "reserved": SECONDS["recorded"] + 0.5})
    assert times["asked"] == times["written"] == 0.0
    assert times["published"] == times["reserved"] == SECONDS["recorded"] + 0.5
    assert list(times.values()) == sorted(times.values())


def test_a_function_that_does_not_exist_is_named() -> None:
    marks = Marks()
    wrap(marks, "bridge.stream.client", "StreamsClient.nothing", print)
    wrap(marks, "bridge.nothing", "read", print)
    assert marks.missing == ["bridge.stream.client.StreamsClient.nothing", "bridge.nothing.read"]
