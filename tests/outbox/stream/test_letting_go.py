"""An operator lets an old stream go, or a table that no bridge reads; each shard not read to its end is a gap."""

import pytest
from sqlalchemy import Engine, text

from bridge.stream.client import Shard
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.errors import LeaseLost, UsageError
from notifier.outbox import LettingGo, Page, Partitions, Recording, Report, StreamStatus
from tests.sql import Sql

OLD, NEW = (f"arn:aws:dynamodb:x:1:table/t/stream/2026-0{month}-01T00:00:00.000" for month in (1, 2))


@pytest.fixture
def tree(engine: Engine) -> ShardTree:
    tree = ShardTree(engine)
    for arn in (OLD, NEW):
        tree.register("t", arn, [Shard(f"shard-{arn[-20:-18]}", None, closed=False)])
    return tree


def test_the_new_stream_is_read_and_the_reader_of_the_old_one_records_nothing_more(
    tree: ShardTree, engine: Engine
) -> None:
    leases = Leases(engine, "me", 60, ["t"])
    (held,) = leases.acquire(10)
    assert held.stream_arn == OLD
    recording = Recording(engine, Partitions(engine))
    recording.record(held, None, Page("7", None, [], [], 1))
    (waiting,) = StreamStatus(engine).waiting()
    assert (waiting.table, waiting.stream, waiting.waits_for) == ("t", NEW, OLD)

    assert LettingGo(engine, actor="eva").stream(OLD, "it never ends") == 1

    with pytest.raises(LeaseLost):
        recording.record(held, "7", Page("8", None, [], [], 1))
    with pytest.raises(LeaseLost):
        tree.finish(held, "7", [])
    assert [lease.stream_arn for lease in leases.acquire(10)] == [NEW]
    assert StreamStatus(engine).waiting() == []
    (gap,) = Report(engine).gaps()
    assert (gap["after_sequence_number"], "it never ends" in gap["reason"]) == ("7", True)
    (done,) = Sql(engine).all("SELECT actor, action, reason, scope FROM operations")
    assert done == {"actor": "eva", "action": "let go", "reason": "it never ends", "scope": f"stream={OLD} shards=1"}


def test_a_stream_that_was_let_go_stays_so_while_it_is_listed(tree: ShardTree, engine: Engine) -> None:
    LettingGo(engine, actor="eva").stream(OLD, "it never ends")
    again = [Shard("shard-01", None, closed=False), Shard("child", "shard-01", closed=False)]
    assert tree.register("t", OLD, again) == 0
    assert tree.let_go("t") == {OLD}
    assert LettingGo(engine, actor="eva").stream(OLD, "once more") == 0  # there is no second gap
    assert len(Report(engine).gaps()) == 1


@pytest.mark.parametrize(("arn", "why"), [(NEW, "newest stream"), ("arn:else", "no stream arn:else")])
def test_the_newest_stream_of_a_table_is_not_let_go(tree: ShardTree, engine: Engine, arn: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        LettingGo(engine, actor="eva").stream(arn, "by mistake")
    assert Report(engine).gaps() == []


def test_a_table_that_no_bridge_reads_is_let_go_and_can_be_read_again(tree: ShardTree, engine: Engine) -> None:
    leases = Leases(engine, "me", 60, ["t"])
    held = leases.acquire(10)
    letting_go = LettingGo(engine, actor="eva")
    with pytest.raises(UsageError, match="is read by me"):
        letting_go.table("t", "not ours any more")
    leases.release(held)

    assert letting_go.table("t", "not ours any more") == 2

    assert StreamStatus(engine).lags() == []
    assert len(Report(engine).gaps()) == 2
    assert tree.register("t", NEW, [Shard("shard-02", None, closed=False)]) == 1
    assert [lease.stream_arn for lease in leases.acquire(10)] == [NEW]


def test_a_shard_that_appears_while_its_stream_is_let_go_delays_no_newer_stream(
    tree: ShardTree, engine: Engine
) -> None:
    LettingGo(engine, actor="eva").stream(OLD, "it never ends")
    with engine.begin() as connection:
        insert = "INSERT INTO shards (stream_id, shard_id) SELECT id, 'late' FROM streams WHERE arn = :arn"
        connection.execute(text(insert), {"arn": OLD})
    assert [lease.stream_arn for lease in Leases(engine, "me", 60, ["t"]).acquire(10)] == [NEW]
    assert [lag.shards for lag in StreamStatus(engine).lags()] == [1]
