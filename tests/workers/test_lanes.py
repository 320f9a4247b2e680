"""Which queues a worker serves, and how their lanes share it."""

from contextlib import nullcontext
from typing import Any

import pytest
import typer

from notifier import route
from notifier.broker import channel_of, queue_name, queue_shares
from notifier.lanes import SHARES, Lane, channels_in, parts_of, queue_of, queues_of
from notifier.routes import Routes
from notifier.routes.declarations import routes_of
from workers import command


@pytest.mark.parametrize("channel", ["email", "a:b", "low"])
def test_a_queue_names_its_channel_and_lane(channel: str) -> None:
    for lane in Lane:
        assert parts_of(queue_of(channel, lane)) == (channel, lane)
        assert channel_of(queue_name(queue_of(channel, lane))) == channel
    assert queue_of(channel, Lane.NORMAL) == channel  # as before there were lanes
    assert channels_in(queues_of(channel)) == {channel}


def test_the_shares_are_tenths_and_each_lane_has_some() -> None:
    assert sum(each.weight for each in SHARES.values()) == 10
    assert list(SHARES) == list(Lane)
    parts = [each.most for each in SHARES.values()]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] == 1


def test_one_lane_alone_shares_with_no_other() -> None:
    assert queue_shares(["email:high", "sms:high"]) == []


def test_lanes_of_several_channels_share_as_groups() -> None:
    queues = [queue for channel in ("email", "sms") for queue in queues_of(channel)]
    found = queue_shares(queues)
    assert [each["queues"] for each in found] == [
        ["notifier.email:high", "notifier.sms:high"],
        ["notifier.email", "notifier.sms"],
        ["notifier.email:low", "notifier.sms:low"],
    ]
    assert [each["most"] for each in found] == [1.0, 0.75, 0.5]


def test_a_worker_keeps_nothing_free_for_a_lane_that_it_does_not_serve() -> None:
    assert [each["most"] for each in queue_shares(["email", "email:low"])] == [1.0, 0.5]


class Started:
    """What the command would have started."""

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self.queues: list[str] = []

    def run(self, arguments: list[str]) -> int:
        self.arguments = arguments
        return 0

    def serve(self, queues: list[str], _: list[str]) -> None:
        self.queues = queues


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "AWS_REGION": "eu-west-1",
        "ROUTES": "examples.notifications",
    }.items():
        monkeypatch.setenv(f"NOTIFIER_{name}", value)
    from workers import app

    return app


@pytest.fixture
def started(app: Any, monkeypatch: pytest.MonkeyPatch) -> Started:
    made = Started()
    monkeypatch.setattr(app, "run", made.run)
    monkeypatch.setattr(app, "serve", made.serve)
    monkeypatch.setattr(command, "check", lambda _: None)
    monkeypatch.setattr(command, "configure_logging", lambda *_, **__: None)
    monkeypatch.setattr(command, "serving_health", lambda *_: nullcontext())
    return made


@pytest.mark.parametrize(
    ("lanes", "queues", "name"),
    [
        (None, ["email:high", "email", "email:low"], "email@%h"),
        ([Lane.HIGH], ["email:high"], "email-high@%h"),
        ([Lane.LOW, Lane.NORMAL], ["email", "email:low"], "email-low-normal@%h"),
    ],
)
def test_a_worker_serves_all_lanes_or_those_that_it_is_told(
    started: Started, lanes: Any, queues: list[str], name: str
) -> None:
    with pytest.raises(typer.Exit):
        command.worker(["email"], lane=lanes, concurrency=4, name="")
    assert started.queues == queues
    after = dict(zip(started.arguments, started.arguments[1:], strict=False))
    assert after["-Q"] == ",".join(queue_name(each) for each in queues)
    assert after["-n"] == name


def test_a_worker_whose_routes_name_no_lane_is_as_without_lanes(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It serves the other queues, but shares with no worker, and no connection of it waits for them."""
    high = route(table="t", channel="email", lane="high", name="x")(lambda event: None)
    options: dict[str, Any] = {}
    monkeypatch.setitem(app.app.conf, "broker_transport_options", options)
    queues = [queue for channel in ("email", "sms") for queue in queues_of(channel)]
    monkeypatch.setattr(app, "routes", lambda: Routes([]))
    app.serve(queues, ["email", "sms"])
    assert options["queue_shares"] == []
    assert options["unawaited_queues"] == [f"notifier.{each}" for each in queues if ":" in each]
    monkeypatch.setattr(app, "routes", lambda: Routes(routes_of(high)))
    app.serve(queues, ["email", "sms"])
    assert len(options["queue_shares"]) == 3
    assert options["unawaited_queues"] == ["notifier.sms:high", "notifier.sms:low"]
