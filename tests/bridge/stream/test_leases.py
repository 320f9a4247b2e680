from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bridge.stream.client import Shard
from bridge.stream.leases import Leases, fair_share
from bridge.stream.tree import ShardTree
from notifier.errors import LeaseLost
from tests.sql import Sql

ARN = "arn:stream"
OWNERS = "SELECT owner FROM shards WHERE lease_until > now()"


def register(engine: Engine, *shards: Shard) -> None:
    ShardTree(engine).register("activity", ARN, shards)


def open_shards(*names: str, parent: str | None = None) -> list[Shard]:
    return [Shard(name, parent, closed=False) for name in names]


def many(count: int) -> list[Shard]:
    return open_shards(*(f"shard-{number:02}" for number in range(count)))


def test_each_shard_has_one_owner(engine: Engine) -> None:
    register(engine, *many(40))
    bridges = [Leases(engine, f"bridge-{n}", ttl=60, tables=["activity"]) for n in range(8)]

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda bridge: bridge.acquire(20), bridges))

    shards = [lease.shard for leases in taken for lease in leases]
    assert len(shards) == len(set(shards)) == 40
    assert bridges[0].acquire(100) == []


def test_a_lease_ends_by_the_clock_of_the_database(engine: Engine) -> None:
    register(engine, *open_shards("shard"))
    first, second = (
        Leases(engine, "first", ttl=60, tables=["activity"]),
        Leases(engine, "second", ttl=60, tables=["activity"]),
    )
    (old,) = first.acquire(1)
    assert second.acquire(1) == []

    Sql(engine).run("UPDATE shards SET lease_until = now() - interval '1 ms'")
    (new,) = second.acquire(1)

    assert new.epoch == old.epoch + 1
    assert first.renew([old], {}) == set()
    with pytest.raises(LeaseLost):
        ShardTree(engine).finish(old, None, [])
    first.release([old])
    assert not ShardTree(engine).record_trimmed(old, "nothing to say any more")
    row = Sql(engine).one("SELECT owner, state FROM shards")
    assert row == {"owner": "second", "state": "open"}
    assert Sql(engine).all("SELECT * FROM gaps") == []


def test_a_renewed_lease_stays_and_says_how_far_it_is(engine: Engine) -> None:
    register(engine, *open_shards("a", "b"))
    leases = Leases(engine, "me", ttl=60, tables=["activity"])
    first, second = leases.acquire(2)
    Sql(engine).run("UPDATE shards SET lease_until = now() + interval '1 s'")

    assert leases.renew([first, second], {first.shard: 5.0}) == {first.shard, second.shard}

    rows = Sql(engine).all(
        "SELECT lease_until > now() + interval '50 s' AS long, extract(epoch FROM now() - caught_up_at) AS behind "
        "FROM shards ORDER BY id"
    )
    assert all(row["long"] for row in rows)
    assert 5 <= rows[0]["behind"] < 15
    assert rows[1]["behind"] is None


def test_news_of_the_past_change_nothing(engine: Engine) -> None:
    register(engine, *open_shards("a"))
    leases = Leases(engine, "me", ttl=60, tables=["activity"])
    taken = leases.acquire(1)
    leases.renew(taken, {taken[0].shard: 1.0})
    leases.renew(taken, {taken[0].shard: 500.0})
    leases.renew(taken, {})
    assert Sql(engine).one("SELECT caught_up_at > now() - interval '60 s' AS recent FROM shards")["recent"]


def test_a_released_shard_is_free_at_once(engine: Engine) -> None:
    register(engine, *open_shards("shard"))
    first, second = (
        Leases(engine, "first", ttl=60, tables=["activity"]),
        Leases(engine, "second", ttl=60, tables=["activity"]),
    )
    first.release(first.acquire(1))
    assert len(second.acquire(1)) == 1


def test_what_could_not_be_given_back_is_taken_again_at_once(engine: Engine) -> None:
    """The database was away when a reader failed: the lease that another bridge has by now must not end."""
    register(engine, *many(3))
    leases = Leases(engine, "me", ttl=60, tables=["activity"])
    taken = leases.acquire(10)
    held = [lease.shard for lease in taken[:2]]

    (again,) = leases.acquire(10, held)

    assert (again.shard, again.epoch) == (taken[2].shard, taken[2].epoch + 1)
    assert leases.acquire(10) == []
    assert Leases(engine, "other", ttl=60, tables=["activity"]).acquire(10, []) == []


def test_an_earlier_tenancy_of_the_same_bridge_is_fenced(engine: Engine) -> None:
    register(engine, *many(1))
    leases = Leases(engine, "me", ttl=60, tables=["activity"])
    (old,), (new,) = leases.acquire(1), leases.acquire(1, [])
    assert leases.renew([old], {}) == set()
    leases.release([old])
    with pytest.raises(LeaseLost):
        ShardTree(engine).finish(old, None, [])
    assert leases.renew([new], {}) == {new.shard}


def test_the_old_stream_of_a_table_is_read_before_the_new_one(engine: Engine) -> None:
    tree, leases = ShardTree(engine), Leases(engine, "me", ttl=60, tables=["t"])
    arns = [
        f"arn:aws:dynamodb:x:1:table/{name}" for name in ("t/stream/2026-02", "t/stream/2026-01", "u/stream/2026")
    ]
    for arn in arns:
        tree.register("t", arn, open_shards("a", "b"))

    first = leases.acquire(10)
    assert {lease.stream_arn for lease in first} == set(arns[1:])
    old = [lease for lease in first if lease.stream_arn == arns[1]]
    tree.finish(old[0], None, [])
    assert leases.acquire(10) == []
    tree.mark_lost(old[1], None, "gone")

    assert {lease.stream_arn for lease in leases.acquire(10)} == {arns[0]}


def settle(bridges: list[Leases], engine: Engine, rounds: int) -> Counter[str]:
    """Let each bridge acquire and steal so many times, with the pause after each move over; count shards by owner."""
    for _ in range(rounds):
        for bridge in bridges:
            bridge.acquire(100)
            bridge.steal(100)
        Sql(engine).run("UPDATE shards SET moved_at = moved_at - interval '1 min'")
    return Counter(row["owner"] for row in Sql(engine).all(OWNERS))


@pytest.mark.parametrize(("shards", "bridges"), [(40, 3), (7, 2), (3, 5), (100, 4)])
def test_bridges_share_evenly_within_a_few_rounds(engine: Engine, shards: int, bridges: int) -> None:
    register(engine, *many(shards))
    all_of_them = [Leases(engine, f"bridge-{n}", ttl=60, tables=["activity"]) for n in range(bridges)]
    all_of_them[0].acquire(100)

    held = settle(all_of_them, engine, rounds=6)

    assert sum(held.values()) == shards
    assert max(held.values()) <= -(-shards // bridges)


def test_only_what_can_be_read_is_shared(engine: Engine) -> None:
    """Shards that are read to their end do not count as load."""
    register(engine, *many(12))
    first, second = (
        Leases(engine, "first", ttl=60, tables=["activity"]),
        Leases(engine, "second", ttl=60, tables=["activity"]),
    )
    tree = ShardTree(engine)
    for lease in first.acquire(6):
        tree.finish(lease, None, [])
    first.acquire(6)

    assert settle([first, second], engine, rounds=6) == {"first": 3, "second": 3}


def test_balanced_bridges_steal_nothing(engine: Engine) -> None:
    register(engine, *many(10))
    bridges = [Leases(engine, name, ttl=60, tables=["activity"]) for name in ("first", "second")]
    settle(bridges, engine, rounds=6)
    epochs = Sql(engine).one("SELECT sum(epoch) AS n FROM shards")["n"]

    settle(bridges, engine, rounds=5)

    assert Sql(engine).one("SELECT sum(epoch) AS n FROM shards")["n"] == epochs


def test_a_shard_that_was_stolen_is_not_stolen_again_at_once(engine: Engine) -> None:
    register(engine, *many(4))
    first, second = (
        Leases(engine, "first", ttl=60, tables=["activity"]),
        Leases(engine, "second", ttl=60, tables=["activity"]),
    )
    first.acquire(10)
    moved = second.steal(10)
    assert len(moved) == 1  # half of what it lacks, at a time
    Sql(engine).run("UPDATE shards SET owner = 'second'")

    again = first.steal(10)

    assert not {lease.shard for lease in again} & {lease.shard for lease in moved}


def test_bridges_steal_one_at_a_time(engine: Engine) -> None:
    register(engine, *many(40))
    Leases(engine, "rich", ttl=60, tables=["activity"]).acquire(100)
    thieves = [Leases(engine, f"thief-{n}", ttl=60, tables=["activity"]) for n in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            list(threads.map(lambda thief: thief.steal(100), thieves))
    held = Counter(row["owner"] for row in Sql(engine).all(OWNERS))
    assert held["rich"] >= 8


def test_the_old_owner_of_a_stolen_shard_is_fenced(engine: Engine) -> None:
    register(engine, *many(2))
    first, second = (
        Leases(engine, "first", ttl=60, tables=["activity"]),
        Leases(engine, "second", ttl=60, tables=["activity"]),
    )
    leases = {lease.shard: lease for lease in first.acquire(10)}
    (stolen,) = second.steal(10)
    assert first.renew(list(leases.values()), {}) == leases.keys() - {stolen.shard}
    with pytest.raises(LeaseLost):
        ShardTree(engine).finish(leases[stolen.shard], None, [])


def test_expired_leases_are_acquired_not_stolen(engine: Engine) -> None:
    register(engine, *many(4))
    Leases(engine, "dead", ttl=60, tables=["activity"]).acquire(10)
    Sql(engine).run("UPDATE shards SET lease_until = now() - interval '1 s'")
    living = Leases(engine, "living", ttl=60, tables=["activity"])
    assert living.steal(10) == []
    assert len(living.acquire(10)) == 4


@given(st.dictionaries(st.text(), st.integers(1, 100)), st.text())
def test_a_fair_share_covers_all_shards(loads: dict[str, int], owner: str) -> None:
    target, lack = fair_share(loads, owner)
    assert target * len(loads.keys() | {owner}) >= sum(loads.values())
    assert lack == target - loads.get(owner, 0)


def of_tables(engine: Engine, shards: dict[str, int]) -> None:
    for table, count in shards.items():
        arn = f"arn:aws:dynamodb:x:1:table/{table}/stream/1"
        ShardTree(engine).register(table, arn, open_shards(*(f"{table}-{number:02}" for number in range(count))))


def held_by(engine: Engine) -> dict[str, set[str]]:
    """Return the tables of the shards that each bridge holds."""
    found: dict[str, set[str]] = {}
    for row in Sql(engine).all("SELECT owner, split_part(shard_id, '-', 1) AS t FROM shards WHERE owner IS NOT NULL"):
        found.setdefault(row["owner"], set()).add(row["t"])
    return found


def test_shards_of_other_tables_are_neither_taken_nor_stolen_nor_counted(engine: Engine) -> None:
    of_tables(engine, {"a": 4, "o": 8})
    first, second = (Leases(engine, name, ttl=60, tables=[name]) for name in ("a", "o"))
    assert len(first.acquire(100)) == 4
    assert first.acquire(100, []) != []  # its own, again
    assert first.steal(100) == []
    assert len(second.acquire(100)) == 8
    assert first.steal(100) == []  # it has all that is its own, though the other one has twice as many
    assert held_by(engine) == {"a": {"a"}, "o": {"o"}}


def test_the_lease_on_a_shard_of_another_table_is_not_renewed(engine: Engine) -> None:
    of_tables(engine, {"a": 1, "o": 1})
    held = Leases(engine, "me", ttl=60, tables=["a", "o"]).acquire(10)
    ours = Leases(engine, "me", ttl=60, tables=["o"]).renew(held, {})
    assert [lease.table for lease in held if lease.shard in ours] == ["o"]


@given(
    st.lists(st.sets(st.sampled_from("abc"), min_size=1), min_size=1, max_size=4),
    st.fixed_dictionaries({table: st.integers(0, 9) for table in "abc"}),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bridges_with_different_tables_stop_stealing(
    engine: Engine, configured: list[set[str]], shards: dict[str, int]
) -> None:
    Sql(engine).run("TRUNCATE shards, streams RESTART IDENTITY CASCADE")
    of_tables(engine, shards)
    bridges = [Leases(engine, str(n), ttl=60, tables=tables) for n, tables in enumerate(configured)]
    settle(bridges, engine, rounds=12)
    epochs = Sql(engine).all("SELECT id, owner, epoch FROM shards ORDER BY id")

    settle(bridges, engine, rounds=2)

    assert Sql(engine).all("SELECT id, owner, epoch FROM shards ORDER BY id") == epochs  # nothing moves any more
    for owner, tables in held_by(engine).items():
        assert tables <= configured[int(owner)]
    readable = {table for tables in configured for table in tables}
    free = Sql(engine).all("SELECT shard_id FROM shards WHERE owner IS NULL")
    assert not {row["shard_id"][0] for row in free} & readable
