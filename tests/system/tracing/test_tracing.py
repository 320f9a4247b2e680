"""The trace of an item through the real processes to a real collector, and a collector that is away."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine

from examples.activity import sample_items
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.system import System
from tests.collector import Collector, collector
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

STEPS = ("record", "publish", "build", "send", "event")


def traceparent(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


@contextmanager
def traced(system: System, endpoint: str) -> Iterator[None]:
    system.options |= {
        "NOTIFIER_TRACE_ATTRIBUTE": "traceparent",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    children = [
        system.start("bridge", "bridge"),
        system.start("feedback", "feedback"),
        system.start("worker", "worker", "email"),
    ]
    yield
    for child in children:
        child.stop(signal.SIGTERM)
    assert [child.exit_code for child in children] == [0, 0, 0]
    assert "Traceback" not in "".join(child.log.read_text() for child in children)


def delivered(engine: Engine, count: int) -> bool:
    return Report(engine).totals() == {Status.DELIVERED: count}


def test_the_spans_of_an_event_are_in_the_trace_of_its_item(system: System, engine: Engine) -> None:
    items = list(sample_items(20))
    for number, item in enumerate(items[:10], 1):
        item["traceparent"] = traceparent(number)
    for item, wrong in zip(items[10:], ("", "00-1-2-3", traceparent(0), "ff" + traceparent(1)[2:], 7), strict=False):
        item["traceparent"] = wrong
    with collector() as received:
        with traced(system, received.url):
            list(system.table().write(items))
            wait_until(lambda: delivered(engine, 20), seconds=60)
            wait_until(lambda: all(complete(received, number) for number in range(1, 11)), seconds=30)

        batches = {each.span: each for each in received.spans if each.name.endswith(" batch")}
        ours = [each for each in received.spans if each.span not in batches]
        assert {int(each.trace, 16) for each in ours} == set(range(1, 11))
        for number in range(1, 11):
            spans = received.of(f"{number:032x}")
            assert {each.parent for each in spans.values()} == {f"{number:016x}"}
            assert len({each.attributes["notifier.notification"] for each in spans.values()}) == 1
            assert spans["notifier send"].attributes["notifier.outcome"] == "Accepted"
            assert spans["notifier send"].service == "notifier-worker"
            for name in ("record", "publish", "send", "event"):
                ((_, batch),) = spans[f"notifier {name}"].links
                assert batches[batch].name == f"notifier {name} batch"
                assert (f"{number:032x}", f"{number:016x}") in batches[batch].links
        for item in items:
            for personal in (item["to"], item["name"], item.get("from_name", item["to"])):
                assert personal.encode() not in received.raw


def complete(received: Collector, number: int) -> bool:
    return received.of(f"{number:032x}").keys() == {f"notifier {each}" for each in STEPS}


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
def test_a_collector_that_is_away_stops_and_loses_nothing(system: System, engine: Engine, hangs: bool) -> None:
    items = [{**item, "traceparent": traceparent(number)} for number, item in enumerate(sample_items(300), 1)]
    with socket.socket() as away:
        away.bind(("127.0.0.1", 0))
        if hangs:
            away.listen(64)  # connections are accepted by the kernel, and no server answers
        with traced(system, f"http://127.0.0.1:{away.getsockname()[1]}"):
            list(system.table().write(items))
            wait_until(lambda: delivered(engine, 300), seconds=60)
