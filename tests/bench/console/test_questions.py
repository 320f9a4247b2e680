"""The pure parts of the console's benchmark: what is asked, and what becomes of the times."""

import uuid
from random import Random

import pytest

from bench.console.questions import FRAME, Questions
from bench.console.reload import WITH, WITHOUT, Reloaded
from bench.console.times import Times, rows, slow
from bench.history.history import History
from bench.measure.trial import Run
from notifier.errors import NotifierError
from web.console import pages
from web.console.access.role import Role
from web.console.page import Endpoint, Page, pages_of

IDS = [uuid.uuid4() for _ in range(3)]


def questions() -> Questions:
    return Questions(History(rows=600, days=3), IDS, Random(1))


def test_every_page_and_part_of_a_page_is_asked_for() -> None:
    endpoints = [each for page in pages_of(pages) for each in page.endpoints]
    asked = questions().of(endpoints)
    for each in endpoints:
        start = each.path.partition("{")[0]
        assert (
            each.method == "POST" or each.path == FRAME or any(ask().startswith(start) for ask in asked.values())
        ), each.path
    assert not any("{" in ask() for ask in asked.values())
    assert len({asked["/notifications recipient"]() for _ in range(20)}) > 1


def test_a_parameter_without_a_value_is_named() -> None:
    endpoint = Endpoint(Page("odd", "Odd", "/odd"), "GET", "/odd/{planet}", Role.VIEWER, lambda _: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(NotifierError, match=r"no value for planet of /odd/\{planet\}"):
        questions().of([endpoint])


def test_percentiles_are_by_nearest_rank() -> None:
    times = Times.of([n / 1000 for n in range(40, 0, -1)])
    assert times == Times(p50_ms=20.0, p95_ms=38.0, longest_ms=40.0, cpu_ms=0.0)
    assert Times.of([0.25, 0.25], 0.1) == Times(250.0, 250.0, 250.0, 50.0)


def test_what_misses_the_goal_is_marked() -> None:
    found = {"/": Times.of([0.3] * 20), "/shards": Times.of([0.1] * 18 + [0.3001] * 2)}
    assert slow(found) == ["/shards"]
    assert [row[""] for row in rows(found)] == ["", "> 300 ms"]


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    def run(seconds: float) -> Run:
        return Run(events=1_000, start=0.0, seconds=seconds, cpu_us_per_event={})

    found = Reloaded({WITHOUT: [run(1), run(2), run(4)], WITH: [run(1.25), run(2), run(8)]}, 12.34, 5.67, 0.0123)
    assert found.ratios == [0.8, 1.0, 0.5]
    assert found.summary()["ratio"] == 0.8
    assert found.summary()["reloads_per_second"] == 12.3
