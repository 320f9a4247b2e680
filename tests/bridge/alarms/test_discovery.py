"""A discovery that fails is seen by all bridges, an alarm, a gauge, and never a lag of 0."""

import time

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge.alarms.discovery import DiscoveryWatch
from bridge.alarms.views import ViewWatch
from bridge.stream.client import ShardGone, StreamRefused
from bridge.stream.discovery import ShardDiscovery
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.cli import health
from notifier.health.heartbeat import Heartbeat
from notifier.outbox import Discovery, read_gauges
from notifier.routes import Routes
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel
from tests.simulators.streams.in_process import InProcessStreams
from tests.sql import Sql


class Environment:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.sql = engine, Sql(engine)
        self.model = StreamsModel(clock=Clock(time.time))
        self.source = InProcessStreams(self.model)
        self.tree, self.discovery = ShardTree(engine), Discovery(engine)
        self.views = ViewWatch(self.source, Routes([]))
        self.now = 1_000.0
        self.watch = self.started()
        self.leases = Leases(engine, "me", 60, ["activity"])

    def started(self) -> DiscoveryWatch:
        """Start the watch of a new process."""
        self.watch = DiscoveryWatch(self.discovery, ["activity"], lambda: self.now)
        self.now += 30.0
        return self.watch

    def look_for(self, seconds: int) -> None:
        """Discover and look every ten seconds, for so long."""
        for _ in range(seconds // 10):
            self.pass_time(10)
            self.now += 10.0
            self.discover()
            self.watch.run_once()

    def discover(self) -> None:
        ShardDiscovery(["activity"], self.source, self.tree, self.views, self.discovery).run_once()  # type: ignore[arg-type]

    def end_all(self) -> None:
        """End every shard without showing a child."""
        for lease in self.leases.acquire(10):
            self.tree.finish(lease, None, [])

    def pass_time(self, seconds: int) -> None:
        for table, column in (("table_listings", "first_asked_at"), ("table_listings", "listed_at"),
                              ("shards", "finished_at"), ("shards", "caught_up_at")):  # fmt: skip
            self.sql.run(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)", s=seconds)

    def alarms(self) -> list[str]:
        with capture_logs() as logs:
            self.watch.run_once()
        return [line["reason"] for line in logs if line["log_level"] == "error"]


@pytest.fixture
def environment(engine: Engine) -> Environment:
    return Environment(engine)


def deny(environment: Environment, monkeypatch: pytest.MonkeyPatch, *calls: str) -> None:
    def denied(*_: object) -> list[str]:
        raise StreamRefused("AccessDeniedException: not allowed")

    for call in calls:
        monkeypatch.setattr(environment.source, call, denied)


@pytest.mark.parametrize("call", ["streams", "shards"])
def test_a_discovery_that_is_denied_is_an_alarm_and_no_lag_of_zero(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    environment.model.create_table("activity", 2)
    environment.discover()
    environment.end_all()
    deny(environment, monkeypatch, call)
    environment.pass_time(300)
    environment.discover()

    gauges = read_gauges(environment.engine)
    (found,) = gauges.discovery
    assert found.seconds >= 300
    assert found.childless == 2
    assert gauges.lag["seconds"] >= 300
    (told,) = environment.alarms()
    assert "activity could not be listed for 30" in told
    assert "AccessDenied" in told
    assert environment.watch.trouble() == told


def test_a_table_that_was_never_listed_is_an_alarm(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    deny(environment, monkeypatch, "streams")
    environment.discover()
    environment.pass_time(300)
    environment.discover()
    assert read_gauges(environment.engine).lag["seconds"] >= 300
    assert len(environment.alarms()) == 1


def test_children_that_are_never_listed_are_an_alarm(environment: Environment) -> None:
    environment.model.create_table("activity", 2)
    environment.discover()
    environment.end_all()
    environment.pass_time(300)
    environment.discover()
    (told,) = environment.alarms()
    assert "2 shards of activity have ended" in told
    assert read_gauges(environment.engine).lag["seconds"] >= 300


def test_a_working_discovery_logs_nothing(environment: Environment) -> None:
    environment.model.create_table("activity", 2)
    environment.discover()
    first, second = environment.leases.acquire(10)
    for lease in (first, second):
        environment.model.rotate(lease.shard_id)
        environment.tree.finish(lease, None, environment.source.children(lease.stream_arn, lease.shard_id))
    environment.pass_time(300)
    environment.discover()
    (found,) = environment.discovery.state()
    assert (found.childless, found.readable, found.error) == (0, True, None)
    assert found.seconds < 60
    assert (environment.alarms(), environment.watch.trouble()) == ([], "")


def test_an_older_streams_shards_need_no_children(environment: Environment) -> None:
    environment.model.create_table("activity", 2)
    environment.discover()
    environment.end_all()
    environment.model.disable("activity")
    environment.model.enable("activity")
    environment.pass_time(300)
    environment.discover()
    assert environment.alarms() == []


def test_a_table_that_no_bridge_asks_for_any_more_is_forgotten(environment: Environment) -> None:
    environment.model.create_table("activity", 1)
    environment.discover()
    environment.sql.run(
        "UPDATE table_listings SET asked_at = now() - interval '1 h', listed_at = now() - interval '1 h'"
    )
    assert environment.discovery.state() == []
    assert read_gauges(environment.engine).discovery == []


def test_health_fails_if_the_heartbeat_has_trouble(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    monkeypatch.setenv("NOTIFIER_HEARTBEAT_FOLDER", str(tmp_path))
    Heartbeat("bridge").beat("the shards of activity could not be listed for 300 s: denied")
    with pytest.raises(typer.Exit):
        health.health("bridge")
    assert "could not be listed" in capsys.readouterr().out


@pytest.mark.parametrize("gone", ["switched off", "off and not listed", "its stream is gone"])
def test_the_shards_of_a_stream_that_is_off_need_no_children(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """Also after its table was deleted."""
    if gone == "off and not listed":
        environment.model.behaviour = environment.model.behaviour.changed({"list_disabled": False})
    environment.model.create_table("activity", 2)
    environment.discover()
    environment.model.disable("activity")
    environment.end_all()
    if gone == "its stream is gone":
        monkeypatch.setattr(environment.source, "is_on", lambda _: (_ for _ in ()).throw(ShardGone("gone")))
    environment.pass_time(300)
    environment.discover()
    (found,) = environment.discovery.state()
    assert found.childless == 0
    assert not any("children" in each for each in environment.alarms())
    if gone != "off and not listed":
        assert (environment.watch.trouble(), read_gauges(environment.engine).lag["seconds"] < 60) == ("", True)


def test_a_stream_that_is_on_again_needs_children_again(environment: Environment) -> None:
    environment.model.create_table("activity", 1)
    environment.discover()
    environment.model.disable("activity")
    environment.end_all()
    environment.pass_time(300)
    environment.discover()
    environment.model.enable("activity")
    environment.discover()
    environment.end_all()
    environment.pass_time(300)
    environment.discover()
    (told,) = environment.alarms()
    assert "1 shards of activity have ended" in told


def test_a_stream_whose_state_is_unknown_keeps_its_last_one(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.model.create_table("activity", 1)
    environment.discover()
    environment.end_all()
    environment.pass_time(300)
    environment.discover()
    deny(environment, monkeypatch, "is_on")
    environment.discover()
    assert len(environment.alarms()) == 1


@pytest.mark.parametrize("seconds", [130, 300, 590, 3_600])
@pytest.mark.parametrize("fault", ["none", "the first discovery fails", "a shard ended without a child shown"])
def test_after_a_time_without_any_bridge_there_is_no_alarm(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, seconds: int, fault: str
) -> None:
    environment.model.create_table("activity", 1)
    environment.discover()
    if fault == "a shard ended without a child shown":
        environment.end_all()
    environment.pass_time(seconds)
    environment.sql.run("UPDATE table_listings SET asked_at = asked_at - make_interval(secs => :s)", s=seconds)
    environment.started()
    assert environment.alarms() == []  # before any discovery
    with monkeypatch.context() as patch:
        if fault == "the first discovery fails":
            deny(environment, patch, "streams")
        environment.discover()
    assert environment.alarms() == []
    assert environment.watch.trouble() == ""


@pytest.mark.parametrize("call", ["streams", "shards"])
def test_a_discovery_that_fails_from_the_start_is_an_alarm_after_two_minutes(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    environment.model.create_table("activity", 1)
    environment.discover()
    environment.pass_time(3_600)
    environment.sql.run("UPDATE table_listings SET asked_at = asked_at - interval '1 h'")
    environment.started()
    deny(environment, monkeypatch, call)
    environment.look_for(80)
    assert environment.watch.trouble() == ""
    environment.look_for(40)
    assert "activity could not be listed" in environment.watch.trouble()


def test_a_time_in_which_the_process_could_not_look_is_no_alarm(environment: Environment) -> None:
    """The database was away, or the machine was suspended."""
    environment.model.create_table("activity", 1)
    environment.discover()
    environment.look_for(200)
    environment.pass_time(300)
    environment.sql.run("UPDATE table_listings SET asked_at = asked_at - interval '300 s'")
    environment.now += 300.0
    assert environment.alarms() == []
