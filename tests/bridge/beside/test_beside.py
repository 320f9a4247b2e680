"""Routes that claim events beside their owner: each makes one notification, and records stay counted once."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bridge.fitting import first_without_room
from bridge.quarantine.judgement import judged
from bridge.stream.classification import classify_page
from notifier.outbox import Quarantine, QuarantineSelection, Report, ShardLease, read_gauges
from notifier.routes import Route, Routes, route, routes_of
from tests.bridge.stream.records import record
from tests.bridge.stream.test_rewinding import EVER, Environment

EVERYTHING = QuarantineSelection()
LEASE = ShardLease(1, "shardId-1", "arn:stream", "activity", "me", 1, None)


def declared(name: str, *kinds: str, exclusive: bool = True, channel: str = "email") -> Route:
    """Return a route of these kinds of records."""

    @route(table="activity", channel=channel, match={"kind": list(kinds)}, name=name, exclusive=exclusive)
    def build(_: object) -> None: ...

    (found,) = routes_of(build)
    assert isinstance(found, Route)
    return found


BUYER = declared("buyer", "order")
SELLER = declared("seller", "order", "offer", exclusive=False, channel="sms")
STORE = declared("store", "order", exclusive=False)
NEITHER, OWNED, BOTH, ALL = (Routes(each) for each in ((declared("other", "x"),), (BUYER,), (SELLER, BUYER),
                                                       (SELLER, BUYER, STORE)))  # fmt: skip


def order(number: int, kind: str = "order") -> dict[str, Any]:
    return record(number, kind={"S": kind})


@pytest.fixture
def environment(engine: Engine) -> Environment:
    environment = Environment(engine)
    environment.shard("a")
    return environment


def made(environment: Environment) -> Mapping[str, list[str]]:
    """Return the routes of the notifications of each record."""
    found: dict[str, list[str]] = defaultdict(list)
    for number, name in environment.notified():
        found[number].append(name)
    return {number: sorted(names) for number, names in found.items()}


def further(environment: Environment) -> int:
    """Return how many notifications come after the first of their record; all counters must agree with the rows."""
    (shard,) = Report(environment.engine).audit()[0]
    gauges, by_record = read_gauges(environment.engine), made(environment)
    assert shard["notified"] == shard["records_notified"] == gauges.records["notified"] == len(by_record)
    assert shard["notifications"] == gauges.notifications == sum(map(len, by_record.values()))
    assert Report(environment.engine).shards()[0]["notifications"] == shard["notifications"]
    assert all(len(set(names)) == len(names) for names in by_record.values())
    return int(shard["further_notifications"])


def test_buyer_and_seller_are_notified_and_the_record_counts_once(environment: Environment) -> None:
    environment.read("a", [order(1), order(2, "offer"), order(3, "x")], BOTH)
    assert made(environment) == {"1": ["buyer", "seller"], "2": ["seller"]}  # one that stands alone notifies, too
    assert environment.counted() == (3, 2, 1, 0)
    assert further(environment) == 1
    by_channel = {row["channel"]: row["ids"] for row in environment.sql.all(
        "SELECT channel, cardinality(notification_ids) AS ids FROM publications")}  # fmt: skip
    assert by_channel == {"email": 1, "sms": 2}


def test_the_audit_tells_a_notification_that_is_lost_and_one_that_is_not_counted(environment: Environment) -> None:
    environment.read("a", [order(1)], BOTH)
    lost = environment.sql.one("SELECT notification_id AS id FROM notifications WHERE route = 'seller'")["id"]
    environment.sql.run("DELETE FROM notifications WHERE notification_id = :id", id=lost)
    (shard,) = Report(environment.engine).audit()[0]
    assert shard["records_notified"] != shard["notified"]
    environment.sql.run("UPDATE shards SET further_notifications = 0")
    (shard,) = Report(environment.engine).audit()[0]
    assert shard["records_notified"] == shard["notified"]


def test_a_page_that_is_read_again_records_what_is_missing_of_each_record(environment: Environment) -> None:
    environment.read("a", [order(1), order(2)], OWNED)
    environment.sql.run("UPDATE shards SET checkpoint = NULL")  # as a restored row of the shard has it
    environment.read("a", [order(1), order(2), order(3)], ALL)
    assert made(environment) == {number: ["buyer", "seller", "store"] for number in "123"}
    assert environment.counted() == (3, 3, 0, 0)
    assert further(environment) == 6


def test_a_rewind_makes_exactly_the_missing_ones(environment: Environment) -> None:
    environment.read("a", [order(1), order(2, "offer"), order(3, "x")], OWNED)
    assert environment.counted() == (3, 1, 2, 0)
    for _ in range(2):
        environment.ask()
        environment.run(environment.rewinder(routes=BOTH))
        assert made(environment) == {"1": ["buyer", "seller"], "2": ["seller"]}
        assert environment.counted() == (3, 2, 1, 0)
        assert further(environment) == 1
    again, first = environment.rewinding.recent()
    assert (first["routed"], again["routed"]) == (2, 0)


def test_a_rewind_adds_the_owner_where_only_routes_beside_it_were(environment: Environment) -> None:
    environment.read("a", [order(1)], Routes([SELLER]))
    environment.ask()
    environment.run(environment.rewinder(routes=BOTH))
    assert made(environment) == {"1": ["buyer", "seller"]}
    assert (environment.counted(), further(environment)) == ((1, 1, 0, 0), 1)


def test_a_rewind_gives_an_event_no_second_owner(environment: Environment) -> None:
    environment.read("a", [order(1)], OWNED)
    environment.ask()
    environment.run(environment.rewinder(routes=Routes([SELLER, replace(BUYER, name="renamed")])))
    assert made(environment) == {"1": ["buyer", "seller"]}
    assert (environment.counted(), further(environment)) == ((1, 1, 0, 0), 1)


def replayed(environment: Environment, routes: Routes) -> tuple[int, int, int]:
    """Replay quarantine; return how many records were notified, the notifications, and unrouted records."""
    judge = partial(judged, routes=routes, not_before=EVER)
    kept = Quarantine(environment.engine, actor="eva", keep_days=0)
    foreseen = kept.judge(EVERYTHING, judge)
    done = list(kept.replay(EVERYTHING, judge, "mended", routes.beside))
    found = (done[-1].notified, done[-1].notifications, done[-1].unrouted) if done else (0, 0, 0)
    assert found == (foreseen.notified, foreseen.notifications, foreseen.unrouted)
    return found


def test_a_replay_of_quarantine_makes_all_notifications_of_a_record(environment: Environment) -> None:
    environment.read("a", [order(1), order(2, "offer"), order(3, "x")], Routes([replace(BUYER, table="orders")]))
    assert environment.counted() == (3, 0, 0, 3)
    assert replayed(environment, ALL) == (2, 4, 1)
    assert made(environment) == {"1": ["buyer", "seller", "store"], "2": ["seller"]}
    assert (environment.counted(), further(environment)) == ((3, 2, 1, 0), 2)


def test_a_record_is_recorded_with_all_of_its_notifications_or_not_at_all() -> None:
    page = classify_page(LEASE, None, [order(1), order(2)], Routes([BUYER, STORE]), EVER)
    assert (page.read, page.notified, page.further) == (2, 2, 2)
    assert first_without_room(page.notifications, {"email": 4}) is None
    assert first_without_room(page.notifications, {"email": 2}).sequence_number == "2"  # type: ignore[union-attr]
    assert first_without_room(page.notifications[:2], {"email": 1}) is None, "a mark of 1 would stop the shard"
    mixed = classify_page(LEASE, None, [order(1)], BOTH, EVER)
    assert first_without_room(mixed.notifications, {"email": 0, "sms": 9}) == mixed.notifications[1]


def test_a_page_of_many_days_is_cut_between_records() -> None:
    days = [order(number) for number in range(1, 6)]
    for number, each in enumerate(days):
        each["dynamodb"]["ApproximateCreationDateTime"] -= number * 86_400
    page = classify_page(LEASE, None, days, ALL, EVER)
    parts = page.parts(most_days=2)
    assert [(part.read, part.notified, part.further, part.checkpoint) for part in parts] == [
        (2, 2, 4, "2"), (2, 2, 4, "4"), (1, 1, 2, "5")]  # fmt: skip


# What a history of reads, rewinds and replays may leave, by a model that knows only the rules.
KINDS = ("order", "offer", "x", "spoilt")
SOME_ROUTES = st.lists(
    st.sampled_from([
        BUYER, SELLER, STORE, declared("desk", "offer"), declared("all", "order", "offer", "x", exclusive=False),
        replace(BUYER, exclusive=False), replace(STORE, exclusive=True),
    ]),
    min_size=1, max_size=5, unique_by=lambda each: each.name,
).map(Routes)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "read", "rewind", "replay"]), SOME_ROUTES, st.integers(0, 99)),
    min_size=1,
    max_size=6,
)


def wanted(routes: Routes, kind: str, existing: set[str]) -> set[str]:
    """Return the routes that a record of this kind has notifications of in the end. By the rules, not by the code."""
    matching = [each for each in routes if kind in each.match["kind"]]
    beside = {each.name for each in matching if not each.exclusive}
    owners = [each.name for each in matching if each.exclusive][:1]
    free = {each.name for each in routes if not each.exclusive}
    return existing | beside | (set(owners) if existing <= free else set())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_is_read_rewound_and_replayed_with_whichever_routes_the_audit_is_exact(
    engine: Engine, steps: Sequence[tuple[str, Routes, int]]
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "TRUNCATE notifications, deliveries, publications, quarantine, shards, streams, rewinds, gaps, "
            "forgotten_counts CASCADE"
        )
    environment = Environment(engine)
    environment.shard("a")
    expected: dict[str, set[str]] = {}
    kinds: dict[str, str] = {}
    for what, routes, seed in steps:
        if what == "read":
            fresh = {str(len(kinds) + n): random.Random(seed + n).choice(KINDS) for n in range(1, 4)}
            kinds |= fresh
            environment.read("a", [_of(number, kind) for number, kind in fresh.items()], routes)
            touched: Iterable[str] = fresh
        elif what == "replay":
            replayed(environment, routes)
            touched = ()  # only spoilt records are in quarantine, and stay there
        else:
            environment.ask()
            environment.run(environment.rewinder(routes=routes))
            touched = kinds
        for number in touched:
            if kinds[number] != "spoilt" and (found := wanted(routes, kinds[number], expected.get(number, set()))):
                expected[number] = found
        assert made(environment) == {number: sorted(names) for number, names in expected.items()}
        read, _, _, quarantined = environment.counted()
        assert (read, quarantined) == (len(kinds), sum(kind == "spoilt" for kind in kinds.values()))
        assert further(environment) == sum(map(len, expected.values())) - len(expected)


def _of(number: str, kind: str) -> dict[str, Any]:
    return {**order(int(number), kind), **({"eventName": "?"} if kind == "spoilt" else {})}
