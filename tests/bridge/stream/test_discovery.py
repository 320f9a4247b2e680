"""Shards are found: at once, late, on many pages, of several tables and streams; over a model of the streams."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from bridge.stream.client import Shard
from bridge.stream.discovery import BUSY_SECONDS, DISCOVERY_SECONDS, EXPECTING_SECONDS, ShardDiscovery
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.database.errors import DatabaseError
from notifier.outbox import Report
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel
from tests.simulators.streams.in_process import InProcessStreams
from tests.sql import Sql
from tests.waiting import wait_until


class World:
    def __init__(self, engine: Engine) -> None:
        self.model = StreamsModel(clock=Clock(time.time))
        self.source = InProcessStreams(self.model)
        self.tree = ShardTree(engine)
        self.leases = Leases(engine, "me", ttl=60, tables=["activity", "orders"])
        self._sql = Sql(engine)

    def sweep(self, *tables: str) -> float:
        """Answers when the next one is due."""
        return ShardDiscovery(tables or ["activity"], self.source, self.tree).run_once().seconds  # type: ignore[arg-type]

    def known(self) -> list[str]:
        return [row["shard_id"] for row in self._sql.all("SELECT shard_id FROM shards ORDER BY shard_id")]

    def finish(self, children: list[Shard] | None = None) -> None:
        for lease in self.leases.acquire(100):
            self.tree.finish(lease, None, children or [])


@pytest.fixture
def world(engine: Engine) -> Iterator[World]:
    return World(engine)


def test_all_pages_of_all_tables_are_read(world: World) -> None:
    world.model.create_table("activity", 250)
    world.model.create_table("orders", 2)
    assert world.sweep("activity", "orders") == DISCOVERY_SECONDS
    assert len(world.known()) == 252


def test_a_child_that_was_not_shown_at_its_parents_end_is_found_within_seconds(world: World) -> None:
    world.model.create_table("activity")
    world.sweep()
    world.model.behaviour = world.model.behaviour.changed({"children_after_seconds": 5.0})
    (child,) = world.model.rotate(world.known()[0])
    world.finish()

    assert world.sweep() == EXPECTING_SECONDS
    assert child not in world.known()
    world.model.advance(5.0)
    assert world.sweep() == DISCOVERY_SECONDS
    assert child in world.known()


def test_one_child_that_is_found_does_not_end_the_search_for_another(world: World) -> None:
    world.model.create_table("activity", 2)
    world.sweep()
    first, second = world.known()
    world.model.rotate(first)
    world.model.behaviour = world.model.behaviour.changed({"children_after_seconds": 5.0})
    world.model.rotate(second)
    world.finish()
    assert world.sweep() == EXPECTING_SECONDS
    assert len(world.known()) == 3


def test_a_parent_that_is_shown_open_beside_its_child_comes_first(world: World) -> None:
    world.model.create_table("activity")
    world.model.behaviour = world.model.behaviour.changed({"parent_open_seconds": 60.0})
    shard = next(each.shard_id for each in world.source.shards(world.source.streams("activity")[0]))
    children = world.model.split(shard)
    world.sweep()
    (lease,) = world.leases.acquire(10)
    assert lease.shard_id == shard
    world.tree.finish(lease, None, [])
    assert {each.shard_id for each in world.leases.acquire(10)} == set(children)


def test_a_listing_that_lacks_a_parent_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page: parent and child came up when the page that would show the parent was read already."""
    arn = world.model.create_table("activity")
    world.sweep()
    world.model.advance(60.0)
    (parent,) = world.model.rotate(world.known()[0])
    world.model.advance(60.0)
    (child,) = world.model.rotate(parent)
    shards, calls = world.source.shards, []

    def first_without_parent(arn: str) -> list[Shard]:
        calls.append(arn)
        return [each for each in shards(arn) if each.shard_id != parent or len(calls) > 1]

    monkeypatch.setattr(world.source, "shards", first_without_parent)
    world.sweep()
    assert {parent, child} <= set(world.known())
    assert calls == [arn, arn]
    assert Report(world.tree._engine).gaps() == []


def test_one_table_in_trouble_stops_no_other(world: World) -> None:
    world.model.create_table("activity")
    world.model.create_table("orders")
    world.source.plan.add([{"kind": "throttle", "match": {"table": "activity"}}])
    world.sweep("activity", "orders")
    assert len(world.known()) == 1


def test_nobody_lists_while_another_bridge_does(world: World, engine: Engine) -> None:
    world.model.create_table("activity")
    with ShardTree(engine).listing_turn():
        assert world.sweep() == BUSY_SECONDS  # the other one may list other tables
    assert world.known() == []


def test_an_ended_shard_of_another_table_is_no_reason_to_list(world: World) -> None:
    world.model.create_table("activity")
    world.model.create_table("orders")
    world.sweep("activity")
    world.finish()
    assert world.sweep("orders") == DISCOVERY_SECONDS
    assert world.sweep("activity") == EXPECTING_SECONDS


def test_a_stream_that_is_off_and_no_longer_listed_is_still_read(world: World) -> None:
    world.model.behaviour = world.model.behaviour.changed({"list_disabled": False})
    old = world.model.create_table("activity")
    world.sweep()
    world.model.split(world.known()[0])
    world.model.disable("activity")
    assert world.source.streams("activity") == []
    world.sweep()
    assert len(world.known()) == 3
    assert world.tree.unfinished_streams("activity") == [old]


@pytest.mark.parametrize("is_on", [True, False])
def test_a_shard_without_a_child_is_a_loss_only_where_the_stream_is_on(
    world: World, engine: Engine, is_on: bool
) -> None:
    world.model.create_table("activity")
    world.sweep()
    if not is_on:
        world.model.disable("activity")
    world.finish()
    Sql(engine).run("UPDATE shards SET finished_at = now() - interval '25 h'")
    for _ in range(2):
        world.sweep()
    assert len(Report(engine).gaps()) == (1 if is_on else 0)


@pytest.mark.parametrize("streams", [1, 3], ids=["many tables", "many streams of a table"])
def test_a_sweep_that_takes_longer_than_a_hung_one_is_done_to_its_end(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    """As where AWS times out for some of them: what counts is how long a bridge was silent."""
    tables = ["activity"] if streams > 1 else ["activity", "orders", "logins"]
    for table in tables:
        world.model.create_table(table)
        for _ in range(streams - 1):
            world.model.disable(table)
            world.model.enable(table)
    shards = world.source.shards

    def slow(arn: str) -> list[Shard]:
        time.sleep(0.9)  # AWS takes so long
        with ShardTree(engine).listing_turn() as too:
            assert not too
        return shards(arn)

    monkeypatch.setattr(world.source, "shards", slow)
    tree = ShardTree(engine, hung_seconds=2)
    assert ShardDiscovery(tables, world.source, tree).run_once().seconds == DISCOVERY_SECONDS  # type: ignore[arg-type]
    assert len(world.known()) == 3


def test_a_sweep_whose_turn_is_over_lists_nothing_more(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("activity", "orders"):
        world.model.create_table(table)
    asked: list[str] = []

    def hangs(arn: str) -> list[Shard]:
        asked.append(arn)
        wait_until(lambda: free(engine))
        return []

    monkeypatch.setattr(world.source, "shards", hangs)
    with pytest.raises(DatabaseError):
        ShardDiscovery(["activity", "orders"], world.source, ShardTree(engine, hung_seconds=1)).run_once()  # type: ignore[arg-type]
    assert len(asked) == 1


def free(engine: Engine) -> bool:
    with ShardTree(engine).listing_turn() as ours:
        return bool(ours)
