"""Lag, waiting streams, rewinds and unrouted tables are logged, long before records are lost."""

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge.alarms.lag import LagWatch
from bridge.alarms.unrouted import Streak, UnroutedWatch, follow
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.outbox import (
    Partitions,
    RewindRequests,
    Rewinds,
    RewindTarget,
    StreamStatus,
    TableRecords,
)
from tests.bridge.stream.test_leases import many, open_shards, register
from tests.outbox.rows import Rows
from tests.sql import Sql


def told(engine: Engine) -> list[str]:
    return [line["log_level"] for line in lines(engine)]


def lines(engine: Engine) -> list[MutableMapping[str, Any]]:
    with capture_logs() as logs:
        LagWatch(StreamStatus(engine)).run_once()
    return logs


@pytest.mark.parametrize(
    ("behind", "level"),
    [("50 s", []), ("2 min", ["warning"]), ("61 min", ["error"]), ("7 h", ["critical"])],
)
def test_lag_is_logged_by_its_size_also_of_a_shard_without_a_reader(
    engine: Engine, behind: str, level: list[str]
) -> None:
    register(engine, *many(3))
    Sql(engine).run("UPDATE shards SET caught_up_at = now()")
    sql = "UPDATE shards SET caught_up_at = now() - CAST(:behind AS interval) WHERE shard_id = 'shard-01'"
    Sql(engine).run(sql, behind=behind)
    assert told(engine) == level


def test_a_child_is_behind_from_the_moment_it_could_be_read(engine: Engine) -> None:
    register(engine, *open_shards("p"), *open_shards("c", parent="p"))
    Sql(engine).run("UPDATE shards SET discovered_at = now() - interval '2 h'")
    Sql(engine).run("UPDATE shards SET caught_up_at = now() WHERE shard_id = 'p'")
    assert told(engine) == []
    Sql(engine).run("UPDATE shards SET state = 'finished', finished_at = now() WHERE shard_id = 'p'")
    assert told(engine) == ["error"]


def test_a_table_that_no_bridge_reads_is_named_with_what_to_do(engine: Engine) -> None:
    register(engine, *many(2))
    ShardTree(engine).register("orders", "arn:orders", many(2))
    Leases(engine, "me", 60, ["activity"]).acquire(10)
    Sql(engine).run("UPDATE shards SET discovered_at = now() - interval '2 h'")
    activity, orders = lines(engine)
    assert (activity["table"], activity["unread"], activity["event"]) == ("activity", 0, "reading is behind")
    assert (orders["table"], orders["unread"]) == ("orders", 2)
    assert "no bridge reads a table" in orders["event"]
    assert "NOTIFIER_TABLES" in orders["event"]
    assert "notifier let-go --table orders" in orders["event"]


def test_a_stream_that_waits_long_for_an_older_one_is_logged(engine: Engine) -> None:
    for year in (2025, 2026):
        arn = f"arn:aws:dynamodb:x:1:table/t/stream/{year}-01-01T00:00:00.000"
        ShardTree(engine).register("t", arn, many(1))
    Sql(engine).run("UPDATE shards SET caught_up_at = now()")
    Sql(engine).run("UPDATE streams SET discovered_at = now()")
    assert lines(engine) == []
    Sql(engine).run("UPDATE streams SET discovered_at = now() - interval '61 min'")
    (line,) = lines(engine)
    assert (line["log_level"], line["table"]) == ("error", "t")
    assert "notifier let-go --stream arn:aws:dynamodb:x:1:table/t/stream/2025" in line["event"]


def test_a_rewind_that_no_bridge_takes_is_logged(rows: Rows) -> None:
    rows.record(rows.page([], unrouted=5))
    RewindRequests(rows.engine, actor="eva").ask(RewindTarget("activity"), "a route came late")
    assert lines(rows.engine) == []
    rows.run("UPDATE rewinds SET asked_at = now() - interval '2 min'")
    (line,) = lines(rows.engine)
    assert (line["table"], line["shards"]) == ("activity", 1)
    assert "notifier rewind --cancel --table activity" in line["event"]
    assert Rewinds(rows.engine, Partitions(rows.engine), "me", 60).take(["activity"])
    assert lines(rows.engine) == []


def counters(at: float, read: int, unrouted: int) -> TableRecords:
    return TableRecords("activity", read, unrouted, at)


@pytest.mark.parametrize(
    ("after", "since"),
    [
        (counters(20, 10, 10), 10),  # nothing came: as before
        (counters(20, 15, 15), 10),
        (counters(20, 15, 14), None),  # one had a route
        (counters(20, 10, 4), None),  # a rewind found routes
        (counters(20, 7, 7), 10),  # old shards were deleted: that tells nothing
    ],
)
def test_a_streak_of_unrouted_records_ends_with_the_first_that_has_a_route(
    after: TableRecords, since: float | None
) -> None:
    assert follow(Streak(counters(10, 10, 10), 10.0), after).since == since


def test_a_streak_begins_with_the_first_records_of_a_table_or_after_others() -> None:
    assert follow(None, counters(10, 0, 0)).since is None
    assert follow(None, counters(10, 3, 3)).since == 10
    assert follow(None, counters(10, 3, 2)).since is None
    assert follow(Streak(counters(10, 3, 2), None), counters(20, 5, 4)).since == 20


@pytest.mark.parametrize(
    "after",
    [
        counters(20, 100, 60),  # a rewind released ten records from quarantine
        counters(20, 105, 65),  # the same, and five were read, it is not known which
    ],
)
def test_a_rewind_that_empties_the_quarantine_begins_no_streak(after: TableRecords) -> None:
    assert follow(Streak(counters(10, 100, 50), None), after).since is None


def test_a_streak_lasts_from_its_first_to_its_last_record() -> None:
    streak = follow(Streak(counters(0, 100, 50), None), counters(10, 200, 150))
    assert streak.seconds == 0.0
    streak = follow(streak, counters(40, 300, 250))
    assert streak.seconds == 30.0
    assert follow(streak, counters(4_000, 300, 250)).seconds == 30.0  # silence says nothing


@pytest.mark.parametrize(
    ("before", "least"),
    [
        (counters(0, 0, 0), 10),
        (counters(0, 1_000, 1_000), 10),  # none ever had a route
        (counters(0, 1_000, 0), 10),
        (counters(0, 1_000, 500), 20),
        (counters(0, 1_000, 999), 10_000),
    ],
)
def test_a_streak_counts_once_it_is_longer_than_chance_makes_it(before: TableRecords, least: int) -> None:
    first = replace(before, at=10, read=before.read + 1, unrouted=before.unrouted + 1)
    streak = follow(Streak(before, None), first)
    for number, seconds in ((least - 2, 0.0), (1, 200.0)):
        seen = streak.seen
        later = replace(seen, at=seen.at + 100, read=seen.read + number, unrouted=seen.unrouted + number)
        streak = follow(streak, later)
        assert streak.seconds == seconds


def test_a_table_whose_records_are_all_unrouted_is_logged_after_a_minute_and_when_that_ends(rows: Rows) -> None:
    class Minutes(StreamStatus):
        at = 0.0

        def records(self, tables: Any) -> list[TableRecords]:
            self.at += 40.0
            return [TableRecords(each.table, each.read, each.unrouted, self.at) for each in super().records(tables)]

    watch = UnroutedWatch(Minutes(rows.engine), ["activity", "orders"])

    def turn(unrouted: int = 0) -> list[str]:
        more = "UPDATE shards SET records_read = records_read + :n, records_unrouted = records_unrouted + :n"
        rows.run(more, n=unrouted)
        with capture_logs() as logs:
            watch.run_once()
        return [line["event"] for line in logs]

    assert (turn(1), turn(), turn(), turn()) == ([], [], [], [])  # one record, and silence
    assert turn(5) == []  # too few
    (line,) = turn(5)
    assert "notifier rewind --table activity" in line
    assert REGISTRY.get_sample_value("notifier_table_all_unrouted_seconds", {"table": "activity"}) == 200.0
    assert (turn(), turn(5)) == ([], [])
    rows.pending(1)
    assert turn() == ["records of a table have a route again"]
    assert REGISTRY.get_sample_value("notifier_table_all_unrouted_seconds", {"table": "activity"}) == 0.0
    assert [turn(5) for _ in range(10)] == [[]] * 10  # one in seventeen has a route: that is how it is
    rows.pending(1)
    assert turn() == []
