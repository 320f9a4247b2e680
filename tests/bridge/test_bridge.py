"""Whole bridges on a stream of many shards."""

import threading
from collections import Counter, defaultdict
from contextlib import ExitStack
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from bridge.bridge import LOOPS, PAGES_AHEAD, POLLERS
from bridge.deadlines import Deadlines
from bridge.relay import Relay
from bridge.stream.held_shards import HeldShards
from notifier.health.heartbeat import Heartbeat
from notifier.outbox import Partitions, Report
from notifier.process.loops import Loop
from sandbox.embedded.allocation import free_port
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


def read_all(environment: BridgeEnvironment, sql: Sql) -> list[dict[str, Any]]:
    """Wait until everything is read; return the rows of the outbox: each record once, and nothing lost."""
    truth = environment.truth()
    wait_until(lambda: sql.one(READ)["n"] >= len(truth), seconds=60)
    kept = sql.all(KEPT)
    places = [(row["stream"], row["shard"], row["sequence_number"]) for row in kept]
    assert Counter(places) == Counter((each["stream"], each["shard"], each["sequence_number"]) for each in truth)
    assert Report(sql.engine).gaps() == []
    return kept


def test_a_database_that_goes_away_during_the_start_does_not_end_the_bridge(
    environment: BridgeEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OperationalError("CREATE", {}, Exception("server closed the connection unexpectedly"))])
    ensure = Partitions.ensure_around

    def ensure_at_last(self: Partitions, today: date) -> None:
        for failure in failures:
            raise failure
        ensure(self, today)

    monkeypatch.setattr(Partitions, "ensure_around", ensure_at_last)
    environment.streams.post("tables", table="activity", shards=1)
    environment.put(range(10))
    with environment.bridge():
        assert len(read_all(environment, Sql(engine))) == 10


def test_a_bridge_checks_its_tables_while_the_one_before_still_runs(
    environment: BridgeEnvironment, engine: Engine
) -> None:
    environment.streams.post("tables", table="activity", shards=1)
    environment.put(range(10))
    port, was_stopping = free_port(), list[bool]()
    with ExitStack() as before:
        first = before.enter_context(environment.bridge(metrics_port=port))
        read_all(environment, Sql(engine))
        before.callback(lambda: was_stopping.append(first.is_stopping))  # called first when it is closed
        with environment.bridge(before.close, metrics_port=port):
            assert was_stopping == [False]
            environment.put(range(10), n=1)
            assert len(read_all(environment, Sql(engine))) == 20


def test_a_bridge_marks_what_it_published_also_when_it_stops(
    environment: BridgeEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.bridge.MARK_SECONDS", 3600.0)  # the first round comes before the first page
    environment.streams.post("tables", table="activity", shards=2)
    environment.put(range(20))
    unmarked = "SELECT count(*) AS n FROM publications WHERE published_at IS NULL"
    with environment.bridge():
        read_all(environment, Sql(engine))
        assert Sql(engine).one(unmarked)["n"] > 0
    assert Sql(engine).one(unmarked)["n"] == 0


def test_a_bridge_that_stops_marks_what_it_published_before_it_waits_for_its_other_loops(
    environment: BridgeEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may take longer than the relays of other bridges wait before they publish it again."""
    monkeypatch.setattr("bridge.bridge.MARK_SECONDS", 3600.0)
    environment.streams.post("tables", table="activity", shards=2)
    environment.put(range(20))
    unmarked = "SELECT count(*) AS n FROM publications WHERE published_at IS NULL"
    found: dict[str, int] = {}
    join = Loop.join

    def note(loop: Loop, *given: float) -> None:
        found.setdefault(loop.name, Sql(engine).one(unmarked)["n"])
        join(loop, *given)

    monkeypatch.setattr(Loop, "join", note)
    with environment.bridge():
        read_all(environment, Sql(engine))
    assert found["take shards"] > 0
    assert found["outbox limit"] == 0


def test_a_hundred_live_shards_need_no_more_threads_than_one(environment: BridgeEnvironment, engine: Engine) -> None:
    sql = Sql(engine)
    environment.streams.post("tables", table="activity", shards=100)
    environment.put(range(1000))
    before = threading.active_count()
    with environment.bridge():
        read_all(environment, sql)
        environment.put(range(1000), n=1)  # to shards that were empty for a while
        kept = read_all(environment, sql)
        assert threading.active_count() - before <= POLLERS + LOOPS + PAGES_AHEAD + 1
        assert sql.one("SELECT count(DISTINCT owner) AS n FROM shards WHERE lease_until > now()")["n"] == 1
    assert len({row["shard"] for row in kept}) == 100


def test_each_loop_has_a_database_connection(environment: BridgeEnvironment) -> None:
    """`LOOPS` is written as a number, for the doctor too; the loops are made in two files."""
    environment.streams.post("tables", table="activity", shards=1)
    with environment.bridge() as bridge:
        assert len(bridge._loops) + 1 == LOOPS


def test_a_child_is_read_from_its_beginning(environment: BridgeEnvironment, engine: Engine) -> None:
    """Also the records that were written before the child was found."""
    environment.streams.post("tables", table="activity", shards=2)
    environment.put(range(20))
    with environment.bridge():
        read_all(environment, Sql(engine))
        for shard in environment.open_shards():
            environment.streams.post("split", shard=shard)
        environment.put(range(20), n=1)
        kept = read_all(environment, Sql(engine))
    assert len({row["shard"] for row in kept}) == 6


def test_a_stream_that_is_switched_off_and_on_is_drained_before_the_new_one_starts(
    environment: BridgeEnvironment, engine: Engine
) -> None:
    sql = Sql(engine)
    environment.streams.post("tables", table="activity", shards=3)
    environment.put(range(60))
    for shard in environment.open_shards():
        environment.streams.post("split", shard=shard)
    environment.put(range(60), n=1)
    environment.streams.post("disable", table="activity")
    environment.streams.post("enable", table="activity", shards=4)
    environment.put(range(60), n=2)
    with environment.bridge():
        read_all(environment, sql)
        environment.streams.post("disable", table="activity")  # now under the eyes of the bridge
        environment.streams.post("enable", table="activity", shards=2)
        environment.put(range(60), n=3)
        kept = read_all(environment, sql)
    by_stream = defaultdict(list)
    for row in kept:
        by_stream[row["stream"]].append(row["recorded_at"])
    times = [by_stream[arn] for arn in sorted(by_stream)]
    assert [len(some) for some in times] == [120, 60, 60]
    assert all(max(earlier) < min(later) for earlier, later in pairwise(times))


def test_a_shard_that_hangs_holds_up_no_other(environment: BridgeEnvironment, engine: Engine) -> None:
    environment.streams.post("tables", table="activity", shards=8)
    (hung, *_) = environment.open_shards()
    environment.put(range(80))
    environment.streams.add_faults({"kind": "hang", "match": {"operation": "GetRecords", "shard": hung}})
    others = [each for each in environment.truth() if each["shard"] != hung]
    sql = Sql(engine)
    with environment.bridge(shard_lease_seconds=3.0):
        wait_until(lambda: sql.one(READ)["n"] >= len(others), seconds=30)
        # Each call ends by itself, long before a minute, and the shard stays in the same hands.
        wait_until(lambda: environment.streams.get("counts")["faults"]["hang"] >= 3, seconds=30)
        assert sql.one("SELECT epoch FROM shards WHERE shard_id = :hung", hung=hung)["epoch"] == 1
        environment.streams.clear_faults()
        read_all(environment, sql)


def test_nothing_is_read_while_leases_are_overdue(
    environment: BridgeEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql, in_time = Sql(engine), threading.Event()
    monkeypatch.setattr(HeldShards, "overdue", lambda _: not in_time.is_set())
    environment.streams.post("tables", table="activity", shards=2)
    environment.put(range(10))
    until = "SELECT max(lease_until) AS until FROM shards"
    with environment.bridge(shard_lease_seconds=2.0):
        taken = wait_until(lambda: sql.one(until)["until"], seconds=30)
        wait_until(lambda: sql.one(until)["until"] > taken, seconds=30)  # the shards were in hand for a while
        assert "GetRecords" not in environment.streams.get("counts")["calls"]
        in_time.set()
        read_all(environment, sql)


def test_bridges_share_the_shards_and_give_them_back(environment: BridgeEnvironment, engine: Engine) -> None:
    sql = Sql(engine)
    held = "SELECT owner, count(*) AS n FROM shards WHERE lease_until > now() GROUP BY owner"
    environment.streams.post("tables", table="activity", shards=9)
    environment.put(range(90))
    with environment.bridge(shard_lease_seconds=200):
        with environment.bridge(shard_lease_seconds=200), environment.bridge(shard_lease_seconds=200):
            wait_until(lambda: [row["n"] for row in sql.all(held)] == [3, 3, 3], seconds=60)
            environment.put(range(90), n=1)
            read_all(environment, sql)
        wait_until(lambda: [row["n"] for row in sql.all(held)] == [9], seconds=15)  # well before leases end
    assert sql.all(held) == []


def test_a_stop_gives_the_shards_back_before_its_jobs_have_ended(
    environment: BridgeEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round of a job may take long, as one that waits for a lock of Postgres. No record waits for that."""
    sql, begun, goes_on = Sql(engine), threading.Event(), threading.Event()

    def hang(_: object) -> None:
        begun.set()
        goes_on.wait(100)

    monkeypatch.setattr(Deadlines, "run_once", hang)
    monkeypatch.setattr(Loop.join, "__defaults__", (100.0,))  # how long a stop waits for a job
    held = "SELECT count(*) AS n FROM shards WHERE lease_until > now()"
    environment.streams.post("tables", table="activity", shards=2)
    with environment.bridge(shard_lease_seconds=200) as bridge:
        wait_until(lambda: sql.one(held)["n"] == 2 and begun.is_set(), seconds=30)
        bridge.stop()
        wait_until(lambda: sql.one(held)["n"] == 0)
        goes_on.set()


def test_listing_keeps_below_the_quota_of_the_account(environment: BridgeEnvironment, engine: Engine) -> None:
    """Four bridges, three pages of shards, and many shards that end at once."""
    environment.streams.post("settings", describe_rate=10.0, list_rate=5.0)
    environment.streams.post("tables", table="activity", shards=120)
    with environment.bridge(), environment.bridge(), environment.bridge(), environment.bridge():
        wait_until(lambda: Sql(engine).one("SELECT count(*) AS n FROM shards")["n"] == 120, seconds=30)
        for shard in environment.open_shards()[:60]:
            environment.streams.post("rotate", shard=shard)
        environment.put(range(500))
        read_all(environment, Sql(engine))
    counts = environment.streams.get("counts")
    assert counts["calls"]["DescribeStream"] > 6
    assert sum(counts["errors"].values()) <= 3  # without pacing there are dozens; a busy machine bunches a few calls


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("job", ["relay", "renew", "deadlines"])
def test_health_names_a_thread_that_has_ended(
    environment: BridgeEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    def leave(*_: object) -> None:
        raise SystemExit

    method = {"relay": (Relay, "run_pass"), "renew": (HeldShards, "renew"), "deadlines": (Deadlines, "run_once")}[job]
    monkeypatch.setattr(*method, leave)
    monkeypatch.setattr("bridge.bridge.BEAT_SECONDS", 0.2)
    heartbeat = Heartbeat("bridge", tmp_path)
    environment.streams.post("tables", table="activity", shards=1)
    with environment.bridge():
        wait_until(heartbeat.trouble)
        assert heartbeat.trouble() == f"the thread '{job}' has ended: restart this process"


def test_health_names_a_database_that_takes_no_writes(
    environment: BridgeEnvironment, engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New sessions are read-only as well: the bridge runs on and can record nothing. Its log says so in a line, as of
    something that may happen, without a trace.
    """
    monkeypatch.setattr("notifier.health.write_health.STALE_SECONDS", 2.0)
    monkeypatch.setattr("bridge.bridge.BEAT_SECONDS", 0.2)
    heartbeat, database = Heartbeat("bridge", tmp_path), engine.url.database
    environment.streams.post("tables", table="activity", shards=1)
    with environment.bridge(shard_lease_seconds=4), capture_logs() as logs:
        wait_until(lambda: Sql(engine).one("SELECT count(*) AS n FROM shards WHERE lease_until > now()")["n"])
        administer(database_url, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        Sql(engine).all(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%bridge'"
        )
        environment.put(range(10))
        given_up = wait_until(lambda: [each for each in logs if "given up" in each["event"]], seconds=20)
        assert {(each["log_level"], each.get("trace")) for each in given_up} == {("warning", None)}
        wait_until(heartbeat.trouble, seconds=20)
        assert "ReadOnlySqlTransaction 25006" in heartbeat.trouble()

        administer(
            f"{database_url}?options=-cdefault_transaction_read_only%3Doff",
            f"ALTER DATABASE {database} RESET default_transaction_read_only",
        )
        wait_until(lambda: not heartbeat.trouble(), seconds=20)
