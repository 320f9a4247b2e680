"""Rewinds: unrouted and quarantined records get the route that they have now, and every record stays counted."""

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge.outbox_limit import OutboxLimit
from bridge.stream.classification import classify_page
from bridge.stream.client import IteratorExpired, Shard, ShardGone, StreamRefused, StreamThrottled
from bridge.stream.leases import Leases
from bridge.stream.page import RecordPage
from bridge.stream.reader import TRIES_OF_AN_ITERATOR
from bridge.stream.rewinding import IDLE_SECONDS, PAGE_SECONDS, Rewinder
from bridge.stream.tree import ShardTree
from notifier.database.errors import DatabaseError
from notifier.errors import DataTrimmed, LeaseLost, NotifierError, Unreachable, UsageError
from notifier.outbox import (
    Partitions,
    Recording,
    Report,
    RewindRequests,
    Rewinds,
    RewindTarget,
    ShardLease,
    read_gauges,
)
from notifier.outbox.publishing.backlog import Backlog
from notifier.routes import Routes, route, routes_of
from tests.bridge.stream.records import CREATED, record
from tests.sql import Sql

ARN = "arn:aws:dynamodb:x:1:table/activity/stream/2026-01-01T00:00:00.000"
EVER = datetime(1, 1, 1, tzinfo=UTC)
COUNTED = (
    "SELECT records_read, records_notified, records_unrouted, records_quarantined FROM shards WHERE shard_id = :s"
)


@route(table="activity", match={"type": ["friend_request"]}, channel="email")
def friend_request(_: object) -> None: ...


@route(table="activity", match={"type": ["friend_request"]}, channel="email", name="renamed")
def renamed(_: object) -> None: ...


@route(table="activity", match={"type": ["poke"]}, channel="email")
def poke(_: object) -> None: ...


@route(table="orders", channel="email")
def order(_: object) -> None: ...


BEFORE, AFTER, RENAMED, OTHERS = (
    Routes([found for each in some for found in routes_of(each)])
    for some in ((friend_request,), (friend_request, poke), (renamed, poke), (order,))
)


class Records:
    """The records of shards, two to a page; an iterator is a shard id and a place in it."""

    def __init__(self) -> None:
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self.ended: set[str] = set()
        self.errors: list[NotifierError] = []
        self.page_errors: list[Exception] = []
        self.refused: dict[str, NotifierError] = {}
        self.listed: set[str] = set()
        self.began_after: list[str | None] = []

    def iterator(self, arn: str, shard_id: str, after: str | None) -> str:
        if self.errors:
            raise self.errors.pop(0)
        if shard_id in self.refused:
            raise self.refused[shard_id]
        self.began_after.append(after)
        numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in self.kept[shard_id]]
        place = sum(number <= int(after) for number in numbers) if after else 0
        return f"{shard_id} {place}"

    def records(self, iterator: str) -> RecordPage:
        if self.page_errors:
            raise self.page_errors.pop(0)
        shard_id, place = iterator.split()
        found = self.kept[shard_id][int(place) : int(place) + 2]
        end = shard_id in self.ended and int(place) + 2 >= len(self.kept[shard_id])
        return RecordPage(found, None if end else f"{shard_id} {int(place) + len(found)}")

    def shards(self, _: str) -> list[Shard]:
        return [Shard(each, None, closed=False) for each in sorted(self.listed)]


class Environment:
    """One table whose shards were read with the routes BEFORE."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sql = Sql(engine)
        self.tree = ShardTree(engine)
        self.leases = Leases(engine, "reader", 60, ["activity"])
        self.intake = Recording(engine, Partitions(engine))
        self.rewinding = RewindRequests(engine, actor="eva")
        self.source = Records()
        self.held: dict[str, ShardLease] = {}

    def shard(self, name: str, parent: str | None = None) -> None:
        self.source.kept[name] = []
        self.tree.register("activity", ARN, [Shard(name, parent, closed=False)])
        for lease in self.leases.acquire(10):
            self.held[lease.shard_id] = lease

    def read(self, name: str, records: Sequence[dict[str, Any]], routes: Routes = BEFORE) -> None:
        """Add records to the stream, and record them."""
        self.source.kept[name] += records
        lease = self.held[name]
        checkpoint = self.sql.one("SELECT checkpoint FROM shards WHERE id = :id", id=lease.shard)["checkpoint"]
        self.intake.record(lease, checkpoint, classify_page(lease, checkpoint, records, routes, EVER))

    def finish(self, name: str) -> None:
        self.source.ended.add(name)
        lease = self.held.pop(name)
        checkpoint = self.sql.one("SELECT checkpoint FROM shards WHERE id = :id", id=lease.shard)["checkpoint"]
        self.tree.finish(lease, checkpoint, [])

    def rewinder(self, owner: str = "one", routes: Routes = AFTER, ttl: float = 60, **options: Any) -> Rewinder:
        rewinds = Rewinds(self.engine, Partitions(self.engine), owner, ttl)
        tables = options.pop("tables", ["activity"])
        limit = options.pop("limit", None) or OutboxLimit(Waiting(), 1_000_000)  # type: ignore[arg-type]
        options = {"gone_seconds": 0.0, **options}
        return Rewinder(rewinds, self.source, routes, tables, self.tree, limit, **options)  # type: ignore[arg-type]

    def run(self, rewinder: Rewinder | None = None) -> None:
        """Run until no rewind is open. Counters of records must never go back."""
        rewinder, before = rewinder or self.rewinder(), read_gauges(self.engine).records
        for _ in range(100):
            if not self.open():
                after = read_gauges(self.engine).records
                assert all(after[result] >= count for result, count in before.items())
                return
            rewinder.run_once()
        raise AssertionError("the rewind does not end")

    def open(self) -> int:
        return int(self.sql.one("SELECT count(*) AS n FROM rewinds WHERE ended_at IS NULL")["n"])

    def ask(self, since: datetime | None = None, shard: str = "") -> list[int]:
        return self.rewinding.ask(RewindTarget("activity", shard, since), "a route came late")

    def counted(self, name: str = "a") -> tuple[int, int, int, int]:
        """Return how many records were read, notified, unrouted, quarantined; the audit must agree."""
        shards, stranded = Report(self.engine).audit()
        for each in shards:
            assert each["records_read"] == each["notified"] + each["records_unrouted"] + each["quarantine"]
            assert each["records_notified"] == each["notified"]
        assert stranded == []
        read, notified, unrouted, quarantined = self.sql.one(COUNTED, s=name).values()
        return read, notified, unrouted, quarantined

    def notified(self) -> list[tuple[str, str]]:
        rows = self.sql.all("SELECT sequence_number, route FROM notifications ORDER BY sequence_number::numeric")
        return [(row["sequence_number"], row["route"]) for row in rows]


def requests(*numbers: int) -> list[dict[str, Any]]:
    return [record(number) for number in numbers]


def pokes(*numbers: int) -> list[dict[str, Any]]:
    return [record(number, type={"S": "poke"}) for number in numbers]


def others(*numbers: int) -> list[dict[str, Any]]:
    return [record(number, type={"S": "other"}) for number in numbers]


def spoilt(number: int) -> dict[str, Any]:
    return {**record(number), "eventName": "?"}


@pytest.fixture
def environment(engine: Engine) -> Environment:
    environment = Environment(engine)
    environment.shard("a")
    return environment


def test_what_was_unrouted_gets_its_route_and_what_is_recorded_stays(environment: Environment) -> None:
    environment.read("a", [*requests(1, 2), *pokes(3, 4, 5), *others(6), spoilt(7)])
    before = environment.notified()
    assert environment.counted() == (7, 2, 4, 1)

    assert len(environment.ask()) == 1
    environment.run()

    assert environment.counted() == (7, 5, 1, 1)
    assert environment.notified() == [*before, ("3", "poke"), ("4", "poke"), ("5", "poke")]
    owed = environment.sql.one(
        "SELECT sum(cardinality(notification_ids)) AS n FROM publications WHERE due_at <= now()"
    )["n"]
    assert owed == 3  # the relay publishes them at once; the others are younger than its grace
    (done,) = environment.rewinding.recent()
    assert (done["state"], done["examined"], done["routed"], done["released"]) == ("done", 6, 3, 0)
    (kept,) = environment.sql.all("SELECT actor, action, reason, scope FROM operations")
    assert kept["scope"] == "table=activity to=oldest shards=1"
    assert (kept["actor"], kept["action"], kept["reason"]) == ("eva", "rewind", "a route came late")


def test_twice_is_as_good_as_once(environment: Environment) -> None:
    environment.read("a", [*requests(1), *pokes(2, 3), *others(4)])
    for _ in range(2):
        environment.ask()
        environment.run()
    assert environment.counted() == (4, 3, 1, 0)


def test_a_renamed_route_notifies_only_once(environment: Environment) -> None:
    environment.read("a", [*requests(1, 2), *pokes(3)])
    environment.ask()
    environment.run(environment.rewinder(routes=RENAMED))
    assert environment.notified() == [("1", "friend_request"), ("2", "friend_request"), ("3", "poke")]
    assert environment.counted() == (3, 3, 0, 0)


def test_quarantine_gives_back_what_is_understood_now(environment: Environment) -> None:
    environment.read("a", [*requests(1), *others(2), spoilt(3)], routes=OTHERS)  # no route for the table is loaded
    assert environment.counted() == (3, 0, 0, 3)
    environment.ask()
    environment.run()
    assert environment.notified() == [("1", "friend_request")]
    assert environment.counted() == (3, 1, 1, 1)
    (left,) = Report(environment.engine).quarantine()
    assert left["sequence_number"] == "3"
    (done,) = environment.rewinding.recent()
    assert (done["routed"], done["released"]) == (1, 2)


def test_a_bridge_without_a_route_for_the_table_leaves_it_to_another(environment: Environment) -> None:
    environment.read("a", pokes(1))
    environment.ask()
    environment.rewinder("old", routes=OTHERS).run_once()
    assert (environment.open(), environment.counted()) == (1, (1, 0, 1, 0))
    environment.run(environment.rewinder("new"))
    assert environment.counted() == (1, 1, 0, 0)


def test_older_records_are_passed_over(environment: Environment) -> None:
    old = record(1, type={"S": "poke"})
    old["dynamodb"]["ApproximateCreationDateTime"] = CREATED - 100
    environment.read("a", [old, *pokes(2)])
    environment.ask(datetime.fromtimestamp(CREATED - 50, UTC))
    environment.run()
    assert environment.notified() == [("2", "poke")]
    assert environment.counted() == (2, 1, 1, 0)


def test_muted_records_stay_muted(environment: Environment) -> None:
    environment.read("a", pokes(1))
    environment.ask()
    environment.run(environment.rewinder(not_before=datetime.fromtimestamp(CREATED, UTC) + timedelta(seconds=1)))
    assert environment.counted() == (1, 0, 1, 0)


def test_reading_goes_on_meanwhile_and_its_records_are_its_own(environment: Environment) -> None:
    environment.read("a", pokes(1, 2, 3, 4))
    environment.ask()
    rewinder = environment.rewinder()
    rewinder.run_once()
    environment.read("a", pokes(5, 6), routes=AFTER)
    environment.run(rewinder)
    assert environment.counted() == (6, 6, 0, 0)
    checkpoint = environment.sql.one("SELECT checkpoint, epoch, owner FROM shards")
    assert checkpoint == {"checkpoint": "6", "epoch": 1, "owner": "reader"}  # no other reader ever held the shard


def test_killed_in_the_middle_another_bridge_goes_on_from_there(environment: Environment) -> None:
    environment.read("a", pokes(1, 2, 3, 4, 5))
    environment.ask()
    environment.rewinder("dead").run_once()
    living = environment.rewinder("living")
    living.run_once()
    assert environment.counted() == (5, 2, 3, 0)  # its lease has not ended
    environment.sql.run("UPDATE rewinds SET lease_until = now() - interval '1 s'")
    environment.source.began_after.clear()
    environment.run(living)
    assert environment.source.began_after == ["2"]
    assert environment.counted() == (5, 5, 0, 0)


def test_a_bridge_that_lost_the_rewind_records_nothing(environment: Environment) -> None:
    environment.read("a", pokes(1, 2, 3, 4))
    environment.ask()
    slow = environment.rewinder("slow")
    slow.run_once()
    environment.sql.run("UPDATE rewinds SET lease_until = now() - interval '1 s'")
    environment.rewinder("quick").run_once()
    before = environment.counted()
    slow.run_once()
    assert environment.counted() == before == (4, 4, 0, 0)


def test_an_answer_that_is_lost_is_asked_of_the_database(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    environment.read("a", pokes(1, 2, 3, 4, 5))
    environment.ask()
    rewinder, correct = environment.rewinder(), Rewinds.correct

    def lost(*arguments: Any) -> None:
        correct(*arguments)
        monkeypatch.undo()
        raise OperationalError("COMMIT", {}, Exception("the connection is gone"))

    monkeypatch.setattr(Rewinds, "correct", lost)
    with pytest.raises(OperationalError):
        rewinder.run_once()
    environment.run(rewinder)
    assert environment.counted() == (5, 5, 0, 0)


def test_another_rewind_replaces_the_one_under_way_and_does_its_part(environment: Environment) -> None:
    early = record(1, type={"S": "poke"})
    early["dynamodb"]["ApproximateCreationDateTime"] = CREATED - 100
    environment.read("a", [early, *others(2), *pokes(3, 4)])
    (first,) = environment.ask()
    rewinder = environment.rewinder()
    rewinder.run_once()
    environment.read("a", pokes(5))
    environment.ask(
        datetime.fromtimestamp(CREATED - 50, UTC)
    )  # a later time: what the first had before it must not be lost
    environment.run(rewinder)
    assert environment.counted() == (5, 4, 1, 0)
    assert {row["id"]: row["state"] for row in environment.rewinding.recent()}[first] == "replaced"
    assert {row["since"] for row in environment.rewinding.recent()} == {None}


def test_a_rewind_that_is_cancelled_stops(environment: Environment) -> None:
    environment.read("a", pokes(1, 2, 3, 4))
    environment.ask()
    rewinder = environment.rewinder()
    rewinder.run_once()
    assert environment.rewinding.cancel(RewindTarget("activity"), "by mistake") == 1
    rewinder.run_once()
    assert environment.counted() == (4, 2, 2, 0)


def test_an_ended_shard_is_read_again_before_its_children(environment: Environment) -> None:
    environment.read("a", pokes(1, 2, 3))
    environment.finish("a")
    for name, parent in (("b", "a"), ("c", "b")):
        environment.shard(name, parent)
        environment.read(name, others(10) if name == "b" else pokes(20, 21))
        if name == "b":
            environment.finish(name)
    environment.sql.run(
        "UPDATE shards SET records_unrouted = 0, records_read = 0 WHERE shard_id = 'b'"
    )  # none to read
    environment.ask()
    first, second = environment.rewinder("first"), environment.rewinder("second")
    first.run_once()
    second.run_once()  # it waits: the grandchild comes after
    assert [number for number, _ in environment.notified()] == ["1", "2"]
    environment.run(first)
    assert environment.counted("a") == (3, 3, 0, 0)
    assert environment.counted("c") == (2, 2, 0, 0)


def test_what_the_stream_has_no_more_stays_unrouted(environment: Environment) -> None:
    environment.read("a", pokes(1, 2, 3))
    environment.ask()
    del environment.source.kept["a"][:2]
    environment.run()
    assert environment.counted() == (3, 1, 2, 0)

    environment.ask()
    environment.source.errors = [ShardGone("no such shard")]
    environment.run()
    assert {row["state"] for row in environment.rewinding.recent()} == {"done", "gone"}
    assert Report(environment.engine).gaps() == []  # all of it was read, once


def test_an_idle_shard_whose_records_are_all_trimmed_ends_the_rewind(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.stream.rewinding._EMPTIES_BEFORE_END", 3)
    environment.read("a", pokes(1))
    environment.ask()
    environment.source.kept["a"].clear()
    rewinder = environment.rewinder()
    for _ in range(5):
        rewinder.run_once()
    assert environment.open() == 1  # many empty pages are no proof
    environment.sql.run("UPDATE shards SET last_record_at = now() - interval '25 h'")
    environment.run(rewinder)


@pytest.mark.parametrize("error", [DataTrimmed("trimmed"), IteratorExpired("expired")])
def test_an_iterator_that_is_refused_is_replaced(environment: Environment, error: NotifierError) -> None:
    environment.read("a", pokes(1, 2, 3))
    environment.ask()
    rewinder = environment.rewinder()
    rewinder.run_once()
    rewinder._iterator = None
    environment.source.errors = [error]
    if isinstance(error, IteratorExpired):
        with pytest.raises(IteratorExpired):
            rewinder.run_once()
    environment.run(rewinder)
    assert environment.counted() == (3, 3, 0, 0)


def test_killed_anywhere_any_number_of_times_all_is_counted(environment: Environment) -> None:
    rng = random.Random(3)
    kinds = (requests, pokes, others, lambda number: [spoilt(number)])
    environment.read("a", [each for number in range(1, 60) for each in rng.choice(kinds)(number)])
    read, notified, unrouted, quarantined = environment.counted()
    pokes_there = sum(row["dynamodb"]["NewImage"]["type"] == {"S": "poke"} for row in environment.source.kept["a"])
    rewinder = environment.rewinder("0")
    environment.ask()
    for life in range(200):
        if rng.random() < 0.3:
            rewinder = environment.rewinder(str(life))
            environment.sql.run("UPDATE rewinds SET lease_until = now() - interval '1 s' WHERE owner IS NOT NULL")
        if rng.random() < 0.05:
            environment.ask()
        rewinder.run_once()
        environment.counted()
    environment.run(rewinder)
    assert environment.counted() == (read, notified + pokes_there, unrouted - pokes_there, quarantined)


def test_only_shards_that_could_have_something_are_read_again(environment: Environment) -> None:
    environment.read("a", requests(1))
    environment.shard("b")
    environment.read("b", pokes(2))
    environment.shard("c")
    environment.read("c", pokes(3))
    environment.sql.run("UPDATE shards SET last_record_at = now() - interval '26 h' WHERE shard_id = 'c'")
    environment.shard("d")
    plan = environment.rewinding.plan(RewindTarget("activity"))
    found = [(row["shard_id"], row["unrouted"], row["quarantined"], row["notified"]) for row in plan]
    assert found == [("a", 0, 0, 1), ("b", 1, 0, 0)]  # a route may claim what is notified beside its owner
    assert environment.rewinding.plan(RewindTarget("activity", since=datetime.fromtimestamp(CREATED + 1, UTC))) == []
    with pytest.raises(UsageError, match="no shard is known"):
        environment.rewinding.plan(RewindTarget("unknown"))
    with pytest.raises(UsageError, match="future"):
        environment.rewinding.ask(RewindTarget("activity", since=datetime.now(UTC) + timedelta(hours=1)), "too early")


def test_a_shard_that_was_taken_by_another_bridge_meanwhile_is_no_matter(environment: Environment) -> None:
    environment.read("a", pokes(1, 2, 3))
    environment.ask()
    rewinder = environment.rewinder()
    rewinder.run_once()
    environment.sql.run("UPDATE shards SET owner = 'another', epoch = epoch + 1")
    with pytest.raises(LeaseLost):
        environment.read("a", pokes(4))
    del environment.source.kept["a"][3:]
    environment.run(rewinder)
    assert environment.counted() == (3, 3, 0, 0)


GONE_AGO = "UPDATE rewinds SET gone_since = gone_since - interval '31 s'"
LEASE_ENDS = "UPDATE rewinds SET lease_until = now() - interval '1 s' WHERE owner IS NOT NULL"


def test_bridges_that_take_a_vanished_shard_from_each_other_end_its_rewind_together(environment: Environment) -> None:
    """The lease moves between bridges, so that none of them sees 30 seconds of denials by itself."""
    environment.read("a", pokes(1))
    environment.finish("a")
    environment.shard("b", "a")
    environment.read("b", pokes(2))
    environment.ask()
    environment.source.refused["a"] = ShardGone("no such shard")
    bridges = [environment.rewinder(name, gone_seconds=30.0) for name in ("one", "two")]
    logs: list[Any] = []
    for turn in range(12):
        with capture_logs() as some, suppress(ShardGone):
            bridges[turn % 2].run_once()
        logs += some
        assert environment.open() == 2 or turn > 6
        if turn == 6:
            environment.sql.run(GONE_AGO)
        environment.sql.run(LEASE_ENDS)
    told = [(each["log_level"], each["shard"]) for each in logs if "is gone before" in each["event"]]
    assert told == [("warning", "a")]
    assert not any(
        "was read again" in each["event"] and each["log_level"] == "info" and each["shard"] == "a" for each in logs
    )
    environment.run(bridges[1])
    assert environment.counted("b") == (1, 1, 0, 0)
    assert environment.counted("a") == (1, 0, 1, 0)


def test_a_failure_prolongs_the_lease(environment: Environment) -> None:
    environment.read("a", pokes(1))
    environment.ask()
    environment.source.refused["a"] = Unreachable("500")
    rewinder = environment.rewinder()
    for _ in range(3):
        with pytest.raises(Unreachable):
            rewinder.run_once()
        assert environment.sql.one("SELECT lease_until > now() + interval '50 s' AS held FROM rewinds")["held"]
        environment.sql.run("UPDATE rewinds SET lease_until = now() + interval '1 s'")
    assert environment.sql.one("SELECT epoch FROM rewinds")["epoch"] == 1
    (row,) = environment.rewinding.recent()
    assert row["error"] == "500"


def test_a_shard_that_is_still_listed_is_not_gone(environment: Environment) -> None:
    environment.read("a", pokes(1))
    environment.ask()
    environment.source.errors = [ShardGone("no such shard")] * 2
    environment.source.listed = {"a"}
    rewinder = environment.rewinder()
    for _ in range(2):
        with pytest.raises(ShardGone):
            rewinder.run_once()
    environment.run(rewinder)
    assert environment.counted() == (1, 1, 0, 0)
    (row,) = environment.rewinding.recent()
    assert (row["state"], row["error"]) == ("done", None)


def test_a_shard_that_comes_back_begins_to_be_gone_anew(environment: Environment) -> None:
    environment.read("a", pokes(1, 2, 3))
    environment.ask()
    rewinder = environment.rewinder(gone_seconds=30.0)
    environment.source.errors = [ShardGone("no such shard")]
    with pytest.raises(ShardGone):
        rewinder.run_once()
    environment.sql.run(GONE_AGO)
    rewinder.run_once()
    environment.source.page_errors = [ShardGone("no such shard")]
    with pytest.raises(ShardGone):
        rewinder.run_once()
    environment.run(rewinder)
    assert environment.counted() == (3, 3, 0, 0)


def test_a_lost_shard_is_not_chosen(environment: Environment) -> None:
    environment.read("a", pokes(1))
    environment.tree.mark_lost(environment.held["a"], "1", "the shard vanished")
    assert environment.rewinding.plan(RewindTarget("activity")) == []
    assert environment.ask() == []


@pytest.mark.parametrize("error", [Unreachable("500"), StreamThrottled("slow down")])
def test_an_iterator_that_fails_again_and_again_is_replaced(environment: Environment, error: NotifierError) -> None:
    environment.read("a", pokes(1, 2, 3))
    environment.ask()
    rewinder = environment.rewinder()
    rewinder.run_once()
    environment.source.began_after.clear()
    environment.source.page_errors = [error] * TRIES_OF_AN_ITERATOR
    for _ in range(TRIES_OF_AN_ITERATOR):
        assert environment.source.began_after == []
        with pytest.raises(type(error)):
            rewinder.run_once()
    rewinder.run_once()
    assert environment.source.began_after == ["2"]
    assert environment.counted() == (3, 3, 0, 0)


@pytest.mark.parametrize(
    "error", [Unreachable("500"), StreamRefused("AccessDenied"), StreamThrottled("slow"), ShardGone("gone")]
)
def test_a_rewind_that_fails_notices_that_it_is_cancelled(environment: Environment, error: NotifierError) -> None:
    environment.read("a", pokes(1))
    environment.ask()
    environment.source.refused["a"] = error
    rewinder = environment.rewinder(gone_seconds=30.0)
    with pytest.raises(type(error)):
        rewinder.run_once()
    assert environment.rewinding.cancel(RewindTarget("activity"), "no rights") == 1
    rewinder.run_once()
    assert rewinder._rewind is None
    assert (environment.open(), environment.counted()) == (0, (1, 0, 1, 0))


@pytest.mark.parametrize(
    "error", [Unreachable("500"), StreamRefused("AccessDenied"), StreamThrottled("slow"), ShardGone("gone")]
)
def test_a_rewind_that_fails_lets_others_have_their_turn(environment: Environment, error: NotifierError) -> None:
    environment.read("a", pokes(1))
    environment.shard("b")
    environment.read("b", pokes(2))
    environment.ask()
    environment.source.refused["a"] = error
    rewinder = environment.rewinder(gone_seconds=30.0)
    for _ in range(2 * TRIES_OF_AN_ITERATOR):
        with pytest.raises(type(error)):
            rewinder.run_once()
    rewinder.run_once()
    assert environment.counted("b") == (1, 1, 0, 0)
    assert environment.rewinder("another").run_once().seconds == IDLE_SECONDS  # for a while no bridge takes it

    environment.source.refused.clear()
    environment.sql.run("UPDATE rewinds SET again_at = now()")
    environment.run(rewinder)
    assert environment.counted("a") == (1, 1, 0, 0)
    assert {(row["state"], row["error"]) for row in environment.rewinding.recent()} == {("done", None)}


def test_a_mistake_in_a_page_passes_over_no_record(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    environment.read("a", pokes(1, 2, 3))
    environment.ask()
    rewinder = environment.rewinder()
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise ValueError("a bug")

        patch.setattr("bridge.stream.rewinding.classify_rewound", fail)
        with pytest.raises(ValueError, match="a bug"):
            rewinder.run_once()
    environment.run(rewinder)
    assert environment.counted() == (3, 3, 0, 0)


class Waiting:
    """Stands in for Publications, with a number of waiting deliveries in each queue."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts

    def message_count(self) -> int:
        return sum(self.counts.values())

    def backlog(self) -> dict[str, Backlog]:
        return {queue: Backlog(count, count, None) for queue, count in self.counts.items()}


def test_a_rewind_takes_half_of_the_room_and_closes_no_queue(environment: Environment) -> None:
    waiting = Waiting(email=0)
    limit = OutboxLimit(waiting, 10)  # type: ignore[arg-type]
    limit.measure()
    environment.read("a", [*requests(1), *pokes(*range(2, 12))])
    environment.ask()
    rewinder = environment.rewinder(limit=limit)
    for _ in range(12):
        rewinder.run_once()
    assert environment.counted() == (11, 6, 5, 0)
    assert environment.open() == 1
    assert limit.has_room("email")
    assert limit.reserve({"email": 5}) == {"email": 5}
    assert "room in the queue email" in environment.rewinding.recent()[0]["error"]

    limit.release({"email": 5}, {})
    waiting.counts["email"] = 2
    limit.measure()
    for _ in range(12):
        environment.sql.run("UPDATE rewinds SET again_at = now()")
        rewinder.run_once()
    assert environment.counted() == (11, 9, 2, 0)
    waiting.counts["email"] = 0
    limit.measure()
    environment.sql.run("UPDATE rewinds SET again_at = now()")
    environment.run(rewinder)
    assert environment.counted() == (11, 11, 0, 0)


def test_what_a_rewind_did_not_record_leaves_its_room(environment: Environment) -> None:
    limit = OutboxLimit(Waiting(email=0), 20)  # type: ignore[arg-type]
    limit.measure()
    environment.read("a", requests(1, 2, 3, 4, 5, 6))
    environment.read("a", pokes(7))
    environment.ask()
    environment.run(environment.rewinder(limit=limit))
    assert environment.counted() == (7, 7, 0, 0)
    assert limit.reserve({"email": 20}) == {"email": 19}


def test_a_rewind_that_waits_for_room_lets_others_have_their_turn(environment: Environment) -> None:
    limit = OutboxLimit(Waiting(email=8), 10)  # type: ignore[arg-type]
    limit.measure()
    environment.read("a", pokes(1))
    environment.shard("b")
    environment.read("b", others(2))
    environment.ask()
    rewinder = environment.rewinder(limit=limit)
    rewinder.run_once()
    rewinder.run_once()
    states = {row["shard_id"]: row["state"] for row in environment.rewinding.recent()}
    assert states == {"a": "waiting", "b": "done"}


def at(second: int, *records: dict[str, Any]) -> list[dict[str, Any]]:
    for each in records:
        each["dynamodb"]["ApproximateCreationDateTime"] = CREATED + second
    return list(records)


def test_a_page_of_many_seconds_is_recorded_in_parts(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each second is looked up in what all tables had in it: a transaction for all of them could take minutes."""
    monkeypatch.setattr("bridge.stream.classification.MOST_SECONDS", 1)
    environment.read("a", [*at(0, *pokes(1)), *at(1, *pokes(2)), *at(2, *pokes(3)), *at(2, *others(4))])
    environment.ask()
    rewinder, positions = environment.rewinder(), []
    while environment.open():
        assert rewinder.run_once().seconds <= PAGE_SECONDS
        positions.append(environment.sql.one("SELECT position, examined FROM rewinds"))
        environment.counted()
    assert [tuple(each.values()) for each in positions] == [("1", 1), ("2", 2), ("4", 4)]
    assert environment.counted() == (4, 3, 1, 0)


def test_a_rewind_that_is_cancelled_stops_in_the_middle_of_a_page(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.stream.classification.MOST_SECONDS", 1)
    environment.read("a", [*at(0, *pokes(1)), *at(1, *pokes(2))])
    environment.ask()
    rewinder = environment.rewinder()
    rewinder.run_once()
    assert environment.rewinding.cancel(RewindTarget("activity"), "by mistake") == 1
    rewinder.run_once()
    assert environment.counted() == (2, 1, 1, 0)


def test_a_rewind_whose_records_postgres_refuses_says_why_and_lets_others_have_their_turn(
    environment: Environment,
) -> None:
    environment.read("a", pokes(1))
    environment.shard("b")
    environment.read("b", others(2))
    environment.ask()
    environment.sql.run(
        "CREATE FUNCTION too_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled'; END $$"
    )
    environment.sql.run(
        "CREATE TRIGGER too_slow BEFORE INSERT ON deliveries FOR EACH STATEMENT EXECUTE FUNCTION too_slow()"
    )
    rewinder = environment.rewinder()
    with pytest.raises(DatabaseError):
        rewinder.run_once()
    found = {row["shard_id"]: (row["state"], row["error"]) for row in environment.rewinding.recent()}
    assert found["a"] == ("waiting", "its records cannot be recorded: QueryCanceled 57014")
    rewinder.run_once()
    assert environment.counted("b") == (1, 0, 1, 0)
    assert environment.rewinder("another").run_once().seconds == IDLE_SECONDS  # for a while no bridge takes it

    environment.sql.run("DROP FUNCTION too_slow CASCADE")
    environment.sql.run("UPDATE rewinds SET again_at = now()")
    environment.run(rewinder)
    assert environment.counted("a") == (1, 1, 0, 0)
    assert {(row["state"], row["error"]) for row in environment.rewinding.recent()} == {("done", None)}
