"""Shards that are not found any more: seen by all bridges, told by gauges, and never a lag of 0."""

import time

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge.alarms.discovery import DiscoveryWatch
from bridge.stream.client import ShardGone, StreamRefused
from bridge.stream.discovery import ShardDiscovery
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.cli import health
from notifier.health import Heartbeat
from notifier.outbox import Discovery, read_gauges
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel
from tests.simulators.streams.in_process import InProcessStreams
from tests.sql import Sql


class World:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.sql = engine, Sql(engine)
        self.model = StreamsModel(clock=Clock(time.time))
        self.source = InProcessStreams(self.model)
        self.tree, self.discovery = ShardTree(engine), Discovery(engine)
        self.now = 1_000.0
        self.watch = self.started()
        self.leases = Leases(engine, "me", 60, ["activity"])

    def started(self) -> DiscoveryWatch:
        """The watch of a process that starts now."""
        self.watch = DiscoveryWatch(self.discovery, ["activity"], lambda: self.now)
        self.now += 30.0
        return self.watch

    def looks_for(self, seconds: int) -> None:
        """Sweeps and looks go on for so long."""
        for _ in range(seconds // 10):
            self.goes_by(10)
            self.now += 10.0
            self.sweep()
            self.watch.run_once()

    def sweep(self) -> None:
        ShardDiscovery(["activity"], self.source, self.tree, discovery=self.discovery).run_once()  # type: ignore[arg-type]

    def end_all(self) -> None:
        """Every shard ends, and no child is shown."""
        for lease in self.leases.acquire(10):
            self.tree.finish(lease, None, [])

    def goes_by(self, seconds: int) -> None:
        for table, column in (("table_listings", "first_asked_at"), ("table_listings", "listed_at"),
                              ("shards", "finished_at"), ("shards", "caught_up_at")):  # fmt: skip
            self.sql.run(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)", s=seconds)

    def told(self) -> list[str]:
        with capture_logs() as logs:
            self.watch.run_once()
        return [line["reason"] for line in logs if line["log_level"] == "error"]


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def deny(world: World, monkeypatch: pytest.MonkeyPatch, *calls: str) -> None:
    def denied(*_: object) -> list[str]:
        raise StreamRefused("AccessDeniedException: not allowed")

    for call in calls:
        monkeypatch.setattr(world.source, call, denied)


@pytest.mark.parametrize("call", ["streams", "shards"])
def test_a_discovery_that_is_denied_is_told_and_is_no_lag_of_zero(
    world: World, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    world.model.create_table("activity", 2)
    world.sweep()
    world.end_all()
    deny(world, monkeypatch, call)
    world.goes_by(300)
    world.sweep()

    gauges = read_gauges(world.engine)
    (found,) = gauges.discovery
    assert found.seconds >= 300
    assert found.childless == 2
    assert gauges.lag["seconds"] >= 300
    (told,) = world.told()
    assert "activity could not be listed for 30" in told
    assert "AccessDenied" in told
    assert world.watch.trouble() == told


def test_a_table_that_was_never_listed_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    deny(world, monkeypatch, "streams")
    world.sweep()
    world.goes_by(300)
    world.sweep()
    assert read_gauges(world.engine).lag["seconds"] >= 300
    assert len(world.told()) == 1


def test_children_that_are_never_shown_are_told(world: World) -> None:
    world.model.create_table("activity", 2)
    world.sweep()
    world.end_all()
    world.goes_by(300)
    world.sweep()
    (told,) = world.told()
    assert "2 shards of activity have ended" in told
    assert read_gauges(world.engine).lag["seconds"] >= 300


def test_where_all_is_well_nothing_is_told(world: World) -> None:
    world.model.create_table("activity", 2)
    world.sweep()
    first, second = world.leases.acquire(10)
    for lease in (first, second):
        world.model.rotate(lease.shard_id)
        world.tree.finish(lease, None, world.source.children(lease.stream_arn, lease.shard_id))
    world.goes_by(300)
    world.sweep()
    (found,) = world.discovery.state()
    assert (found.childless, found.readable, found.error) == (0, True, None)
    assert found.seconds < 60
    assert (world.told(), world.watch.trouble()) == ([], "")


def test_an_older_streams_shards_need_no_children(world: World) -> None:
    world.model.create_table("activity", 2)
    world.sweep()
    world.end_all()
    world.model.disable("activity")
    world.model.enable("activity")
    world.goes_by(300)
    world.sweep()
    assert world.told() == []


def test_a_table_that_no_bridge_asks_for_any_more_is_forgotten(world: World) -> None:
    world.model.create_table("activity", 1)
    world.sweep()
    world.sql.run("UPDATE table_listings SET asked_at = now() - interval '1 h', listed_at = now() - interval '1 h'")
    assert world.discovery.state() == []
    assert read_gauges(world.engine).discovery == []


def test_health_fails_where_the_heartbeat_tells_of_it(
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
    world: World, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """As after its table was deleted, too."""
    if gone == "off and not listed":
        world.model.behaviour = world.model.behaviour.changed({"list_disabled": False})
    world.model.create_table("activity", 2)
    world.sweep()
    world.model.disable("activity")
    world.end_all()
    if gone == "its stream is gone":
        monkeypatch.setattr(world.source, "is_on", lambda _: (_ for _ in ()).throw(ShardGone("gone")))
    world.goes_by(300)
    world.sweep()
    (found,) = world.discovery.state()
    assert found.childless == 0
    assert not any("children" in each for each in world.told())
    if gone != "off and not listed":
        assert (world.watch.trouble(), read_gauges(world.engine).lag["seconds"] < 60) == ("", True)


def test_a_stream_that_is_on_again_needs_children_again(world: World) -> None:
    world.model.create_table("activity", 1)
    world.sweep()
    world.model.disable("activity")
    world.end_all()
    world.goes_by(300)
    world.sweep()
    world.model.enable("activity")
    world.sweep()
    world.end_all()
    world.goes_by(300)
    world.sweep()
    (told,) = world.told()
    assert "1 shards of activity have ended" in told


def test_while_nobody_can_say_whether_a_stream_is_on_it_counts_as_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.model.create_table("activity", 1)
    world.sweep()
    world.end_all()
    world.goes_by(300)
    world.sweep()
    deny(world, monkeypatch, "is_on")
    world.sweep()
    assert len(world.told()) == 1


@pytest.mark.parametrize("seconds", [130, 300, 590, 3_600])
@pytest.mark.parametrize("fault", ["none", "the first sweep fails", "a shard ended without a child shown"])
def test_after_a_time_without_any_bridge_there_is_no_alarm(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: int, fault: str
) -> None:
    world.model.create_table("activity", 1)
    world.sweep()
    if fault == "a shard ended without a child shown":
        world.end_all()
    world.goes_by(seconds)
    world.sql.run("UPDATE table_listings SET asked_at = asked_at - make_interval(secs => :s)", s=seconds)
    world.started()
    assert world.told() == []  # before any sweep
    with monkeypatch.context() as patch:
        if fault == "the first sweep fails":
            deny(world, patch, "streams")
        world.sweep()
    assert world.told() == []
    assert world.watch.trouble() == ""


@pytest.mark.parametrize("call", ["streams", "shards"])
def test_a_discovery_that_fails_from_the_start_is_told_after_two_minutes(
    world: World, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    world.model.create_table("activity", 1)
    world.sweep()
    world.goes_by(3_600)
    world.sql.run("UPDATE table_listings SET asked_at = asked_at - interval '1 h'")
    world.started()
    deny(world, monkeypatch, call)
    world.looks_for(80)
    assert world.watch.trouble() == ""
    world.looks_for(40)
    assert "activity could not be listed" in world.watch.trouble()


def test_a_time_in_which_the_process_could_not_look_is_no_alarm(world: World) -> None:
    """The database was away, or the machine was suspended."""
    world.model.create_table("activity", 1)
    world.sweep()
    world.looks_for(200)
    world.goes_by(300)
    world.sql.run("UPDATE table_listings SET asked_at = asked_at - interval '300 s'")
    world.now += 300.0
    assert world.told() == []
