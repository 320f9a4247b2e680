"""Whole bridges on a stream of many shards."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from bridge.bridge import LOOPS, PAGES_AHEAD, POLLERS
from bridge.deadlines import Deadlines
from bridge.relay import Relay
from bridge.stream.held_shards import HeldShards
from notifier.health import Heartbeat
from notifier.outbox import Partitions, Report
from sandbox.embedded.streams import StreamsServer, streams_simulator
from tests.bridge.environment import BridgeEnvironment
from tests.conftest import administer
from tests.sql import Sql
from tests.waiting import wait_until

READ = "SELECT coalesce(sum(records_read), 0) AS n FROM shards"
KEPT = """
SELECT st.arn AS stream, s.shard_id AS shard, n.sequence_number, n.recorded_at,
       convert_from(n.record, 'utf8')::json #>> '{dynamodb,Keys,pk,S}' AS key
FROM notifications n JOIN shards s ON s.id = n.shard JOIN streams st ON st.id = s.stream_id
"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamsServer]:
    with streams_simulator(tmp_path_factory.mktemp("streams")) as server:
        yield server


@pytest.fixture
def house(
    database_url: str, broker_url: str, simulator: StreamsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[BridgeEnvironment]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NOTIFIER_HEARTBEAT_FOLDER", str(tmp_path))
    simulator.post("reset")
    yield BridgeEnvironment(database_url, broker_url, simulator)
    simulator.clear_faults()


def read_all(house: BridgeEnvironment, sql: Sql) -> list[dict[str, Any]]:
    """The rows of the outbox, when everything is read: each record once, and nothing lost."""
    truth = house.truth()
    wait_until(lambda: sql.one(READ)["n"] >= len(truth), seconds=60)
    kept = sql.all(KEPT)
    places = [(row["stream"], row["shard"], row["sequence_number"]) for row in kept]
    assert Counter(places) == Counter((each["stream"], each["shard"], each["sequence_number"]) for each in truth)
    assert Report(sql.engine).gaps() == []
    return kept


def test_a_database_that_goes_away_at_its_start_ends_no_bridge(
    house: BridgeEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OperationalError("CREATE", {}, Exception("server closed the connection unexpectedly"))])
    ensure = Partitions.ensure_around

    def ensure_at_last(self: Partitions, today: date) -> None:
        for failure in failures:
            raise failure
        ensure(self, today)

    monkeypatch.setattr(Partitions, "ensure_around", ensure_at_last)
    house.streams.post("tables", table="activity", shards=1)
    house.put(range(10))
    with house.bridge():
        assert len(read_all(house, Sql(engine))) == 10


def test_a_hundred_live_shards_need_no_more_threads_than_one(house: BridgeEnvironment, engine: Engine) -> None:
    sql = Sql(engine)
    house.streams.post("tables", table="activity", shards=100)
    house.put(range(1000))
    before = threading.active_count()
    with house.bridge():
        read_all(house, sql)
        house.put(range(1000), n=1)  # to shards that were empty for a while
        kept = read_all(house, sql)
        assert threading.active_count() - before <= POLLERS + LOOPS + PAGES_AHEAD + 1
        assert sql.one("SELECT count(DISTINCT owner) AS n FROM shards WHERE lease_until > now()")["n"] == 1
    assert len({row["shard"] for row in kept}) == 100


def test_a_child_is_read_from_its_beginning(house: BridgeEnvironment, engine: Engine) -> None:
    """Also what was written to it before anybody knew of it, and whatever the start was."""
    house.streams.post("tables", table="activity", shards=2)
    house.put(range(20))
    with house.bridge():
        read_all(house, Sql(engine))
        for shard in house.open_shards():
            house.streams.post("split", shard=shard)
        house.put(range(20), n=1)
        kept = read_all(house, Sql(engine))
    assert len({row["shard"] for row in kept}) == 6


def test_a_stream_that_is_switched_off_and_on_is_drained_before_the_new_one_starts(
    house: BridgeEnvironment, engine: Engine
) -> None:
    sql = Sql(engine)
    house.streams.post("tables", table="activity", shards=3)
    house.put(range(60))
    for shard in house.open_shards():
        house.streams.post("split", shard=shard)
    house.put(range(60), n=1)
    house.streams.post("disable", table="activity")
    house.streams.post("enable", table="activity", shards=4)
    house.put(range(60), n=2)
    with house.bridge():
        read_all(house, sql)
        house.streams.post("disable", table="activity")  # now under the eyes of the bridge
        house.streams.post("enable", table="activity", shards=2)
        house.put(range(60), n=3)
        kept = read_all(house, sql)
    by_stream = defaultdict(list)
    for row in kept:
        by_stream[row["stream"]].append(row["recorded_at"])
    times = [by_stream[arn] for arn in sorted(by_stream)]
    assert [len(some) for some in times] == [120, 60, 60]
    assert all(max(earlier) < min(later) for earlier, later in pairwise(times))


def test_a_shard_that_hangs_holds_up_no_other(house: BridgeEnvironment, engine: Engine) -> None:
    house.streams.post("tables", table="activity", shards=8)
    (hung, *_) = house.open_shards()
    house.put(range(80))
    house.streams.add_faults({"kind": "hang", "match": {"operation": "GetRecords", "shard": hung}})
    others = [each for each in house.truth() if each["shard"] != hung]
    sql = Sql(engine)
    with house.bridge(shard_lease_seconds=3.0):
        wait_until(lambda: sql.one(READ)["n"] >= len(others), seconds=30)
        # Each call ends by itself, long before a minute, and the shard stays in the same hands.
        wait_until(lambda: house.streams.get("counts")["faults"]["hang"] >= 3, seconds=30)
        assert sql.one("SELECT epoch FROM shards WHERE shard_id = :hung", hung=hung)["epoch"] == 1
        house.streams.clear_faults()
        read_all(house, sql)


def test_nothing_is_read_while_leases_are_overdue(
    house: BridgeEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql, in_time = Sql(engine), threading.Event()
    monkeypatch.setattr(HeldShards, "overdue", lambda _: not in_time.is_set())
    house.streams.post("tables", table="activity", shards=2)
    house.put(range(10))
    until = "SELECT max(lease_until) AS until FROM shards"
    with house.bridge(shard_lease_seconds=2.0):
        taken = wait_until(lambda: sql.one(until)["until"], seconds=30)
        wait_until(lambda: sql.one(until)["until"] > taken, seconds=30)  # the shards were in hand for a while
        assert "GetRecords" not in house.streams.get("counts")["calls"]
        in_time.set()
        read_all(house, sql)


def test_bridges_share_the_shards_and_give_them_back(house: BridgeEnvironment, engine: Engine) -> None:
    sql = Sql(engine)
    held = "SELECT owner, count(*) AS n FROM shards WHERE lease_until > now() GROUP BY owner"
    house.streams.post("tables", table="activity", shards=9)
    house.put(range(90))
    with house.bridge():
        with house.bridge(), house.bridge():
            wait_until(lambda: [row["n"] for row in sql.all(held)] == [3, 3, 3], seconds=60)
            house.put(range(90), n=1)
            read_all(house, sql)
        wait_until(lambda: [row["n"] for row in sql.all(held)] == [9], seconds=15)  # well before leases end
    assert sql.all(held) == []


def test_listing_keeps_below_the_quota_of_the_account(house: BridgeEnvironment, engine: Engine) -> None:
    """Four bridges, three pages of shards, and many shards that end at once."""
    house.streams.post("settings", describe_rate=10.0, list_rate=5.0)
    house.streams.post("tables", table="activity", shards=120)
    with house.bridge(), house.bridge(), house.bridge(), house.bridge():
        wait_until(lambda: Sql(engine).one("SELECT count(*) AS n FROM shards")["n"] == 120, seconds=30)
        for shard in house.open_shards()[:60]:
            house.streams.post("rotate", shard=shard)
        house.put(range(500))
        read_all(house, Sql(engine))
    counts = house.streams.get("counts")
    assert counts["calls"]["DescribeStream"] > 6
    assert sum(counts["errors"].values()) <= 3  # without pacing there are dozens; a busy machine bunches a few calls


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("job", ["relay", "renew", "deadlines"])
def test_health_names_a_thread_that_has_ended(
    house: BridgeEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    def leave(*_: object) -> None:
        raise SystemExit

    method = {"relay": (Relay, "run_pass"), "renew": (HeldShards, "renew"), "deadlines": (Deadlines, "run_once")}[job]
    monkeypatch.setattr(*method, leave)
    monkeypatch.setattr("bridge.bridge.BEAT_SECONDS", 0.2)
    heartbeat = Heartbeat("bridge", tmp_path)
    house.streams.post("tables", table="activity", shards=1)
    with house.bridge():
        wait_until(heartbeat.trouble)
        assert heartbeat.trouble() == f"the thread '{job}' has ended: restart this process"


def test_health_tells_of_a_database_that_takes_no_writes(
    house: BridgeEnvironment, engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New sessions are read-only, too: the bridge runs on and can record nothing."""
    monkeypatch.setattr("notifier.health.STALE_SECONDS", 2.0)
    monkeypatch.setattr("bridge.bridge.BEAT_SECONDS", 0.2)
    heartbeat, database = Heartbeat("bridge", tmp_path), engine.url.database
    house.streams.post("tables", table="activity", shards=1)
    with house.bridge(shard_lease_seconds=4):
        wait_until(lambda: heartbeat.age() is not None)
        administer(database_url, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        Sql(engine).all(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%bridge'"
        )
        wait_until(heartbeat.trouble, seconds=20)
        assert "ReadOnlySqlTransaction 25006" in heartbeat.trouble()

        administer(
            f"{database_url}?options=-cdefault_transaction_read_only%3Doff",
            f"ALTER DATABASE {database} RESET default_transaction_read_only",
        )
        wait_until(lambda: not heartbeat.trouble(), seconds=20)
