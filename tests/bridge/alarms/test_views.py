"""A stream whose records lack what routes read: the start is refused, a later stream is logged, both quarantined."""

import time
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge.alarms.views import ViewWatch
from bridge.counters import VIEW_FAULTS
from bridge.startup_checks import check_streams
from bridge.stream.client import StreamsClient, StreamThrottled
from bridge.stream.discovery import ShardDiscovery
from bridge.stream.tree import ShardTree
from notifier.errors import RoutesError, SettingsError
from notifier.outbox import Discovery, Report
from notifier.routes import Routes
from notifier.routes.views import View
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel
from tests.bridge.environment import BridgeEnvironment
from tests.bridge.stream.stream_backends import settings
from tests.simulators.streams.in_process import InProcessStreams
from tests.sql import Sql
from tests.waiting import wait_until


@pytest.fixture
def model() -> StreamsModel:
    return StreamsModel(clock=Clock(time.time))


def faults() -> float:
    return float(VIEW_FAULTS.labels("activity")._value.get())


def test_a_stream_that_can_never_match_is_refused_at_start(model: StreamsModel, routes: Routes) -> None:
    arn = model.create_table("activity", view="KEYS_ONLY")
    with pytest.raises(
        RoutesError, match=r"conftest.py:\d+: route 'friend_request' matches on type.*KEYS_ONLY"
    ) as error:
        ViewWatch(InProcessStreams(model), routes).check_at_start({"activity": [arn]})
    assert "NEW_AND_OLD_IMAGES" in str(error.value)


def test_a_fault_of_an_older_stream_is_logged_and_does_not_stop_the_start(
    model: StreamsModel, routes: Routes
) -> None:
    old = model.create_table("activity", view="KEYS_ONLY")
    model.disable("activity")
    new = model.enable("activity")
    with capture_logs() as logs:
        ViewWatch(InProcessStreams(model), routes).check_at_start({"activity": [new, old]})
    assert [each["stream"] for each in logs if "ALARM" in each["event"]] == [old]
    assert faults() == 0


@pytest.mark.parametrize("throttled", ["new", "old"])
@pytest.mark.parametrize("wrong", ["new", "old"])
def test_a_table_is_judged_by_its_newest_stream_or_not_at_all(
    model: StreamsModel, routes: Routes, monkeypatch: pytest.MonkeyPatch, throttled: str, wrong: str
) -> None:
    views = {each: "KEYS_ONLY" if each == wrong else "NEW_AND_OLD_IMAGES" for each in ("old", "new")}
    arns = {"old": model.create_table("activity", view=views["old"])}
    model.disable("activity")
    arns["new"] = model.enable("activity", view=views["new"])
    source = InProcessStreams(model)
    view = source.view

    def sometimes(arn: str) -> View:
        if arn == arns[throttled]:
            raise StreamThrottled("slow")
        return view(arn)

    monkeypatch.setattr(source, "view", sometimes)
    watch = ViewWatch(source, routes)
    if wrong == "new" and throttled == "old":
        with pytest.raises(RoutesError, match="KEYS_ONLY"):
            watch.check_at_start({"activity": arns.values()})
    else:
        watch.check_at_start({"activity": arns.values()})
        assert faults() == 0


def test_a_stream_that_cannot_be_described_at_the_start_is_compared_by_the_discovery(
    model: StreamsModel, routes: Routes, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = InProcessStreams(model)
    arn, watch = model.create_table("activity", view="KEYS_ONLY"), ViewWatch(source, routes)

    def throttled(arn: str) -> View:
        raise StreamThrottled("slow")

    with monkeypatch.context() as patch:
        patch.setattr(source, "view", throttled)
        watch.check_at_start({"activity": [arn]})
    watch.compare("activity", arn)
    assert faults() == 1


def test_a_new_stream_with_a_fault_is_logged_once(model: StreamsModel, engine: Engine, routes: Routes) -> None:
    source = InProcessStreams(model)
    sweep = ShardDiscovery(["activity"], source, ShardTree(engine), ViewWatch(source, routes), Discovery(engine))  # type: ignore[arg-type]
    model.create_table("activity")
    sweep.run_once()
    assert faults() == 0
    model.disable("activity")
    model.enable("activity", view="KEYS_ONLY")
    with capture_logs() as logs:
        sweep.run_once()
        sweep.run_once()
    assert [each["log_level"] for each in logs if "ALARM" in each["event"]] == ["error"]
    assert faults() == 1


def test_its_records_are_quarantined_and_a_new_stream_mends_it(
    environment: BridgeEnvironment, engine: Engine
) -> None:
    sql = Sql(engine)
    environment.streams.post("tables", table="activity", shards=2)
    environment.put(range(10))
    with environment.bridge():
        wait_until(lambda: read(sql)["notified"] == 10, seconds=60)
        environment.streams.post("disable", table="activity")
        environment.streams.post("enable", table="activity", view="KEYS_ONLY")
        environment.put(range(10), n=1)
        wait_until(lambda: read(sql)["quarantined"] == 10, seconds=60)
        environment.streams.post("disable", table="activity")
        environment.streams.post("enable", table="activity")
        environment.put(range(10), n=2)
        wait_until(lambda: read(sql)["notified"] == 20, seconds=60)
    assert read(sql)["unrouted"] == 0
    told = {row["error"] for row in sql.all("SELECT error FROM quarantine")}
    assert all("matches on type" in error for error in told)
    assert Report(engine).gaps() == []


def test_a_bridge_does_not_start_on_it(environment: BridgeEnvironment, routes: Routes) -> None:
    environment.streams.post("tables", table="activity", shards=2, view="KEYS_ONLY")
    with pytest.raises(RoutesError, match="KEYS_ONLY"):
        check_streams(StreamsClient(settings(environment.streams.url)), routes, ("activity",))


def read(sql: Sql) -> dict[str, Any]:
    return sql.one(
        "SELECT coalesce(sum(records_notified), 0) AS notified, coalesce(sum(records_unrouted), 0) AS unrouted, "
        "coalesce(sum(records_quarantined), 0) AS quarantined FROM shards"
    )


class Locked(InProcessStreams):
    """Asserts that the caller has the turn to list."""

    def __init__(self, model: StreamsModel, engine: Engine) -> None:
        super().__init__(model)
        self._engine = engine
        self.asked = 0

    def streams(self, table: str) -> list[str]:
        self._ask()
        return super().streams(table)

    def view(self, arn: str) -> View:
        self._ask()
        return super().view(arn)

    def _ask(self) -> None:
        self.asked += 1
        with ShardTree(self._engine).listing_turn() as ours:
            assert not ours


def test_a_start_lists_in_its_turn_only(model: StreamsModel, engine: Engine, routes: Routes) -> None:
    model.create_table("activity")
    source = Locked(model, engine)
    check_streams(source, routes, ("activity",), partial(ShardTree(engine).listing_turn, 5.0))  # type: ignore[arg-type]
    assert source.asked == 2


def test_a_start_goes_on_where_its_turn_does_not_come(model: StreamsModel, engine: Engine, routes: Routes) -> None:
    model.create_table("activity", view="KEYS_ONLY")
    source, tree, before = Locked(model, engine), ShardTree(engine), faults()
    with tree.listing_turn(), capture_logs() as logs:
        watch = check_streams(source, routes, ("activity",), partial(ShardTree(engine).listing_turn, 0.1))  # type: ignore[arg-type]
    assert source.asked == 0
    assert "not compared at this start" in logs[0]["event"]
    assert faults() == before
    with capture_logs() as logs:
        ShardDiscovery(["activity"], source, tree, watch, Discovery(engine)).run_once()  # type: ignore[arg-type]
    assert faults() == 1
    assert any("ALARM" in each["event"] for each in logs)


def test_a_start_without_tables_is_refused_before_it_waits(
    model: StreamsModel, engine: Engine, routes: Routes
) -> None:
    tree = ShardTree(engine)
    with tree.listing_turn(), pytest.raises(SettingsError, match="NOTIFIER_TABLES is not set"):
        check_streams(InProcessStreams(model), routes, (), partial(ShardTree(engine).listing_turn, 60.0))  # type: ignore[arg-type]
