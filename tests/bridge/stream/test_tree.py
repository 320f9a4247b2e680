import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.database.errors import DatabaseError
from notifier.outbox import ShardLease
from tests.bridge.stream.test_leases import ARN, open_shards
from tests.sql import Sql
from tests.waiting import wait_until

DAY_MS = 86_400_000
LATER = f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}"


@pytest.fixture
def tree(engine: Engine) -> ShardTree:
    return ShardTree(engine)


@pytest.fixture
def leases(engine: Engine) -> Leases:
    return Leases(engine, "me", ttl=60, tables=["activity"])


def names(leases: list[ShardLease]) -> set[str]:
    return {lease.shard_id for lease in leases}


def test_a_child_waits_for_its_parent(tree: ShardTree, leases: Leases) -> None:
    tree.register("activity", ARN, [*open_shards("p"), *open_shards("c-1", "c-2", parent="p")])
    (parent,) = leases.acquire(10)
    assert parent.shard_id == "p"
    assert leases.acquire(10) == []

    tree.finish(parent, None, [])

    assert names(leases.acquire(10)) == {"c-1", "c-2"}


def test_children_are_known_from_the_moment_their_parent_is_finished(tree: ShardTree, leases: Leases) -> None:
    tree.register("activity", ARN, open_shards("p"))
    (parent,) = leases.acquire(10)
    tree.finish(parent, None, open_shards("c-1", "c-2", parent="p"))
    assert names(leases.acquire(10)) == {"c-1", "c-2"}


def test_a_child_of_a_trimmed_or_lost_parent_goes_ahead(tree: ShardTree, leases: Leases) -> None:
    tree.register("activity", ARN, open_shards("orphan", parent="trimmed-before-we-came"))
    tree.register("activity", ARN, [*open_shards("p"), *open_shards("child", parent="p")])
    taken = {lease.shard_id: lease for lease in leases.acquire(10)}
    assert taken.keys() == {"orphan", "p"}

    tree.mark_lost(taken["p"], None, "vanished")

    assert names(leases.acquire(10)) == {"child"}


def test_a_finished_shard_that_is_still_listed_is_not_read_again(tree: ShardTree, leases: Leases) -> None:
    tree.register("activity", ARN, open_shards("p"))
    tree.finish(leases.acquire(10)[0], None, [])
    assert tree.register("activity", ARN, open_shards("p")) == 0
    assert leases.acquire(10) == []


def test_a_lost_shard_that_is_listed_again_is_read_again(tree: ShardTree, leases: Leases) -> None:
    tree.register("activity", ARN, open_shards("p"))
    tree.mark_lost(leases.acquire(10)[0], None, "vanished")
    assert tree.register("activity", ARN, open_shards("p")) == 1
    assert names(leases.acquire(10)) == {"p"}


def test_the_same_shard_of_two_streams_is_two_shards(tree: ShardTree, leases: Leases) -> None:
    for arn in ("arn:before", "arn:after"):
        assert tree.register("activity", arn, open_shards("shardId-0")) == 1
        assert tree.register("activity", arn, open_shards("shardId-0")) == 0
    assert {lease.stream_arn for lease in leases.acquire(10)} == {"arn:before", "arn:after"}


def test_listing_the_same_shards_again_uses_up_nothing(tree: ShardTree, engine: Engine) -> None:
    for _ in range(20):
        tree.register("activity", ARN, open_shards("a", "b"))
    tree.register("activity", ARN, open_shards("c"))
    assert Sql(engine).one("SELECT max(id) AS n FROM shards")["n"] == 3


def test_a_stream_that_was_switched_off_stays_until_it_is_read(tree: ShardTree, leases: Leases) -> None:
    tree.register("activity", "arn:off", open_shards("shard"))
    assert tree.unfinished_streams("activity") == ["arn:off"]
    assert tree.unfinished_streams("other") == []
    tree.finish(leases.acquire(1)[0], None, [])
    assert tree.unfinished_streams("activity") == []


def test_trimmed_is_a_gap_only_where_something_can_be_lost(tree: ShardTree, leases: Leases, engine: Engine) -> None:
    tree.register("activity", ARN, open_shards("shard"))
    (lease,) = leases.acquire(1)
    leases.renew([lease], {lease.shard: 3600.0})  # it was read to its tip an hour ago
    assert not tree.record_trimmed(lease, "the record at the checkpoint is gone")

    Sql(engine).run("UPDATE shards SET caught_up_at = now() - interval '25 h'")
    assert tree.record_trimmed(lease, "and more than that")
    assert len(Sql(engine).all("SELECT * FROM gaps")) == 1


def test_a_gap_is_recorded_once(tree: ShardTree, leases: Leases, engine: Engine) -> None:
    """The answer to the first commit may be lost, and the shard be taken again."""
    tree.register("activity", ARN, open_shards("shard"))
    (lease,) = leases.acquire(1)
    Sql(engine).run("UPDATE shards SET discovered_at = now() - interval '25 h'")
    assert tree.record_trimmed(lease, "gone")
    assert not tree.record_trimmed(lease, "gone")
    assert len(Sql(engine).all("SELECT * FROM gaps")) == 1


def test_what_is_trimmed_on_arrival_is_no_loss(tree: ShardTree, leases: Leases) -> None:
    """A shard without a checkpoint is read from its oldest record, which DynamoDB trims first."""
    tree.register("activity", ARN, open_shards("shard"))
    assert not tree.record_trimmed(leases.acquire(1)[0], "gone between two calls")


def test_a_checkpoint_older_than_records_are_kept(tree: ShardTree, leases: Leases, engine: Engine) -> None:
    tree.register("activity", ARN, open_shards("shard"))
    (lease,) = leases.acquire(1)
    Sql(engine).run("UPDATE shards SET checkpoint = '7', last_record_at = now() - interval '27 h'")
    assert tree.was_left_unread(lease)
    Sql(engine).run("UPDATE shards SET last_record_at = now() - interval '24.5 h'")  # read where it is being trimmed
    assert not tree.was_left_unread(lease)


def test_the_second_stream_of_a_table_is_ours_from_its_beginning(
    tree: ShardTree, leases: Leases, engine: Engine
) -> None:
    first, second = (
        f"arn:aws:dynamodb:x:1:table/activity/stream/{day}T08:00:00.000" for day in ("2026-01-01", LATER)
    )
    shard = f"shardId-{int(time.time() * 1000) - 2 * DAY_MS:020}-deadbeef"
    tree.register("activity", first, open_shards("a"))
    tree.finish(leases.acquire(1)[0], None, [])
    Sql(engine).run("UPDATE streams SET discovered_at = now() - interval '9 days'")
    tree.register("activity", second, open_shards(shard))
    assert tree.was_left_unread(leases.acquire(1)[0])  # it was not read for two days


def test_a_shard_without_a_child_is_a_gap_after_a_day(tree: ShardTree, leases: Leases, engine: Engine) -> None:
    tree.register("activity", ARN, open_shards("p", "q"))
    for lease in leases.acquire(2):
        tree.finish(lease, None, open_shards("c", parent="q") if lease.shard_id == "q" else [])
    assert not tree.has_childless_shards(ARN)
    Sql(engine).run("UPDATE shards SET finished_at = now() - interval '25 h' WHERE finished_at IS NOT NULL")
    assert tree.has_childless_shards(ARN)
    tree.record_childless_gaps(ARN)
    assert not tree.has_childless_shards(ARN)
    gap = Sql(engine).one("SELECT s.shard_id, reason FROM gaps g JOIN shards s ON s.id = g.shard")
    assert (gap["shard_id"], "no child" in gap["reason"]) == ("p", True)


def test_children_are_expected_for_a_while(tree: ShardTree, leases: Leases, engine: Engine) -> None:
    tree.register("activity", ARN, open_shards("p", "q"))
    assert not tree.expects_children(["activity"])
    first, second = leases.acquire(2)
    tree.finish(first, None, open_shards("c", parent=first.shard_id))
    assert not tree.expects_children(["activity"])
    tree.finish(second, None, [])
    assert tree.expects_children(["activity"])  # although another shard got its child a moment ago
    Sql(engine).run("UPDATE shards SET finished_at = now() - interval '1 min' WHERE finished_at IS NOT NULL")
    assert not tree.expects_children(["activity"])


def test_a_shard_that_waited_a_day_unread(tree: ShardTree, leases: Leases, engine: Engine) -> None:
    tree.register("activity", ARN, open_shards("shard"))
    (lease,) = leases.acquire(1)
    assert not tree.was_left_unread(lease)
    Sql(engine).run("UPDATE shards SET discovered_at = now() - interval '25 h'")
    assert tree.was_left_unread(lease)
    Sql(engine).run("UPDATE shards SET caught_up_at = now() - interval '23 h'")
    assert not tree.was_left_unread(lease)


def test_a_shard_that_is_found_late_does_not_look_new(tree: ShardTree, leases: Leases, engine: Engine) -> None:
    tree.register("activity", ARN, open_shards("first"))
    Sql(engine).run("UPDATE streams SET discovered_at = now() - interval '3 days'")
    two_days_ago = int((time.time() - 2 * 86_400) * 1000)
    tree.register("activity", ARN, open_shards(f"shardId-{two_days_ago:020}-deadbeef", f"shardId-{0:020}-deadbeef"))

    late = {lease.shard_id: tree.was_left_unread(lease) for lease in leases.acquire(10)}

    assert [late[name] for name in sorted(late)] == [False, True, True]


def test_a_shard_that_came_and_went_unread_is_a_gap(tree: ShardTree, engine: Engine) -> None:
    tree.register("activity", ARN, open_shards("first"))
    now = int(time.time() * 1000)
    missed, child = (f"shardId-{now + more:020}-deadbeef" for more in (60_000, 120_000))
    for _ in range(2):
        tree.register("activity", ARN, open_shards(child, parent=missed))
    gap = Sql(engine).one("SELECT s.shard_id, s.state FROM gaps g JOIN shards s ON s.id = g.shard")
    assert gap == {"shard_id": missed, "state": "lost"}


def test_what_was_there_before_we_came_is_no_loss(tree: ShardTree, leases: Leases) -> None:
    tree.register("activity", ARN, open_shards(f"shardId-{1:020}-deadbeef"))
    assert not tree.was_left_unread(leases.acquire(1)[0])


def test_one_bridge_lists_at_a_time(tree: ShardTree, engine: Engine) -> None:
    other = ShardTree(engine)
    with tree.listing_turn() as ours:
        assert ours
        with other.listing_turn() as too:
            assert not too
    with other.listing_turn() as now:
        assert now


def test_a_bridge_that_hangs_while_it_lists_keeps_the_others_from_it_for_a_while_only(engine: Engine) -> None:
    hung, other = (ShardTree(engine, hung_seconds=1) for _ in range(2))

    def listed() -> bool:
        with other.listing_turn() as ours:
            return bool(ours)

    with pytest.raises(DatabaseError), hung.listing_turn() as ours:  # noqa: PT012  its loop tries again
        assert ours
        assert not listed()
        assert wait_until(listed)
    assert listed()


def test_a_bridge_that_lists_for_long_keeps_its_turn(engine: Engine) -> None:
    slow, other = ShardTree(engine, hung_seconds=1), ShardTree(engine)
    with slow.listing_turn() as turn:
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            turn.keep_alive()
            time.sleep(0.1)
        with other.listing_turn() as too:
            assert not too


def test_whose_turn_is_over_lists_no_more(engine: Engine) -> None:
    hung, other = (ShardTree(engine, hung_seconds=1) for _ in range(2))

    def is_free() -> bool:
        with other.listing_turn() as ours:
            return bool(ours)

    with pytest.raises(DatabaseError), hung.listing_turn() as turn:  # noqa: PT012  when is the point
        wait_until(is_free)
        turn.keep_alive()
        pytest.fail("it may list although its turn is over")


def test_a_turn_is_waited_for_as_long_as_is_said(tree: ShardTree, engine: Engine) -> None:
    other = ShardTree(engine)
    with tree.listing_turn():
        began = time.monotonic()
        with other.listing_turn(timeout=0.5) as too:
            assert not too
        assert time.monotonic() - began >= 0.5
        waiting = ThreadPoolExecutor(1)
        turn = waiting.submit(lambda: _is_ours(other, 20.0))
    assert turn.result(20)
    waiting.shutdown()


def _is_ours(tree: ShardTree, timeout: float) -> bool:
    with tree.listing_turn(timeout) as turn:
        return bool(turn)
