"""Shards are found: at once, late, on many pages, of several tables and streams; over a model of the streams."""

import time
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Engine

from bridge.alarms.views import ViewWatch
from bridge.stream.client import Shard
from bridge.stream.discovery import BUSY_SECONDS, DISCOVERY_SECONDS, EXPECTING_SECONDS, ShardDiscovery
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.database.errors import DatabaseError
from notifier.outbox import Discovery, Report
from notifier.routes import Routes
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel
from tests.simulators.streams.in_process import InProcessStreams
from tests.sql import Sql
from tests.waiting import wait_until


class Environment:
    def __init__(self, engine: Engine) -> None:
        self.model = StreamsModel(clock=Clock(time.time))
        self.source = InProcessStreams(self.model)
        self.tree = ShardTree(engine)
        self.leases = Leases(engine, "me", ttl=60, tables=["activity", "orders"])
        self._engine, self._sql = engine, Sql(engine)
        self._views = ViewWatch(self.source, Routes([]))

    def discover(self, *tables: str) -> float:
        """Run the discovery; return the seconds until the next one."""
        return self.discovery(tables or ["activity"], self.tree).run_once().seconds

    def discovery(self, tables: Sequence[str], tree: ShardTree) -> ShardDiscovery:
        return ShardDiscovery(tables, self.source, tree, self._views, Discovery(self._engine))  # type: ignore[arg-type]

    def known(self) -> list[str]:
        return [row["shard_id"] for row in self._sql.all("SELECT shard_id FROM shards ORDER BY shard_id")]

    def finish(self, children: list[Shard] | None = None) -> None:
        for lease in self.leases.acquire(100):
            self.tree.finish(lease, None, children or [])


@pytest.fixture
def environment(engine: Engine) -> Iterator[Environment]:
    return Environment(engine)


def test_all_pages_of_all_tables_are_read(environment: Environment) -> None:
    environment.model.create_table("activity", 250)
    environment.model.create_table("orders", 2)
    assert environment.discover("activity", "orders") == DISCOVERY_SECONDS
    assert len(environment.known()) == 252


def test_a_child_that_was_not_shown_at_its_parents_end_is_found_within_seconds(environment: Environment) -> None:
    environment.model.create_table("activity")
    environment.discover()
    environment.model.behaviour = environment.model.behaviour.changed({"children_after_seconds": 5.0})
    (child,) = environment.model.rotate(environment.known()[0])
    environment.finish()

    assert environment.discover() == EXPECTING_SECONDS
    assert child not in environment.known()
    environment.model.advance(5.0)
    assert environment.discover() == DISCOVERY_SECONDS
    assert child in environment.known()


def test_one_child_that_is_found_does_not_end_the_search_for_another(environment: Environment) -> None:
    environment.model.create_table("activity", 2)
    environment.discover()
    first, second = environment.known()
    environment.model.rotate(first)
    environment.model.behaviour = environment.model.behaviour.changed({"children_after_seconds": 5.0})
    environment.model.rotate(second)
    environment.finish()
    assert environment.discover() == EXPECTING_SECONDS
    assert len(environment.known()) == 3


def test_a_parent_that_is_shown_open_beside_its_child_comes_first(environment: Environment) -> None:
    environment.model.create_table("activity")
    environment.model.behaviour = environment.model.behaviour.changed({"parent_open_seconds": 60.0})
    shard = next(each.shard_id for each in environment.source.shards(environment.source.streams("activity")[0]))
    children = environment.model.split(shard)
    environment.discover()
    (lease,) = environment.leases.acquire(10)
    assert lease.shard_id == shard
    environment.tree.finish(lease, None, [])
    assert {each.shard_id for each in environment.leases.acquire(10)} == set(children)


def test_a_listing_that_lacks_a_parent_is_made_again(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parent and child were made after the page that would show the parent had been read."""
    arn = environment.model.create_table("activity")
    environment.discover()
    environment.model.advance(60.0)
    (parent,) = environment.model.rotate(environment.known()[0])
    environment.model.advance(60.0)
    (child,) = environment.model.rotate(parent)
    shards, calls = environment.source.shards, []

    def first_without_parent(arn: str) -> list[Shard]:
        calls.append(arn)
        return [each for each in shards(arn) if each.shard_id != parent or len(calls) > 1]

    monkeypatch.setattr(environment.source, "shards", first_without_parent)
    environment.discover()
    assert {parent, child} <= set(environment.known())
    assert calls == [arn, arn]
    assert Report(environment.tree._engine).gaps() == []


def test_a_table_that_cannot_be_listed_stops_no_other(environment: Environment) -> None:
    environment.model.create_table("activity")
    environment.model.create_table("orders")
    environment.source.plan.add([{"kind": "throttle", "match": {"table": "activity"}}])
    environment.discover("activity", "orders")
    assert len(environment.known()) == 1


def test_one_bridge_lists_at_a_time(environment: Environment, engine: Engine) -> None:
    environment.model.create_table("activity")
    with ShardTree(engine).listing_turn():
        assert environment.discover() == BUSY_SECONDS  # the other one may list other tables
    assert environment.known() == []


def test_an_ended_shard_of_another_table_is_no_reason_to_list(environment: Environment) -> None:
    environment.model.create_table("activity")
    environment.model.create_table("orders")
    environment.discover("activity")
    environment.finish()
    assert environment.discover("orders") == DISCOVERY_SECONDS
    assert environment.discover("activity") == EXPECTING_SECONDS


def test_a_stream_that_is_off_and_no_longer_listed_is_still_read(environment: Environment) -> None:
    environment.model.behaviour = environment.model.behaviour.changed({"list_disabled": False})
    old = environment.model.create_table("activity")
    environment.discover()
    environment.model.split(environment.known()[0])
    environment.model.disable("activity")
    assert environment.source.streams("activity") == []
    environment.discover()
    assert len(environment.known()) == 3
    assert environment.tree.unfinished_streams("activity") == [old]


@pytest.mark.parametrize("is_on", [True, False])
def test_a_shard_without_a_child_is_a_loss_only_where_the_stream_is_on(
    environment: Environment, engine: Engine, is_on: bool
) -> None:
    environment.model.create_table("activity")
    environment.discover()
    if not is_on:
        environment.model.disable("activity")
    environment.finish()
    Sql(engine).run("UPDATE shards SET finished_at = now() - interval '25 h'")
    for _ in range(2):
        environment.discover()
    assert len(Report(engine).gaps()) == (1 if is_on else 0)


@pytest.mark.parametrize("streams", [1, 3], ids=["many tables", "many streams of a table"])
def test_a_long_discovery_is_done_to_its_end(
    environment: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    """For example if AWS times out for some streams: only a bridge that sends no statement counts as hung."""
    tables = ["activity"] if streams > 1 else ["activity", "orders", "logins"]
    for table in tables:
        environment.model.create_table(table)
        for _ in range(streams - 1):
            environment.model.disable(table)
            environment.model.enable(table)
    shards = environment.source.shards

    def slow(arn: str) -> list[Shard]:
        time.sleep(0.9)  # AWS takes so long
        with ShardTree(engine).listing_turn() as too:
            assert not too
        return shards(arn)

    monkeypatch.setattr(environment.source, "shards", slow)
    tree = ShardTree(engine, hung_seconds=2)
    assert environment.discovery(tables, tree).run_once().seconds == DISCOVERY_SECONDS
    assert len(environment.known()) == 3


def test_a_discovery_whose_turn_is_over_lists_nothing_more(
    environment: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("activity", "orders"):
        environment.model.create_table(table)
    asked: list[str] = []

    def hangs(arn: str) -> list[Shard]:
        asked.append(arn)
        wait_until(lambda: free(engine))
        return []

    monkeypatch.setattr(environment.source, "shards", hangs)
    with pytest.raises(DatabaseError):
        environment.discovery(["activity", "orders"], ShardTree(engine, hung_seconds=1)).run_once()
    assert len(asked) == 1


def free(engine: Engine) -> bool:
    with ShardTree(engine).listing_turn() as ours:
        return bool(ours)
