from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from bridge.leases import Leases
from bridge.streams import Shard
from tests.sql import Sql

ARN = "arn:stream"


def register(engine: Engine, *shards: Shard) -> None:
    Leases(engine, "lister", ttl=60).register("activity", ARN, shards)


def open_shards(*names: str, parent: str | None = None) -> list[Shard]:
    return [Shard(name, parent, closed=False) for name in names]


def test_each_shard_has_one_owner(engine: Engine) -> None:
    register(engine, *open_shards(*(f"shard-{n:02}" for n in range(40))))
    bridges = [Leases(engine, f"bridge-{n}", ttl=60) for n in range(8)]

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda bridge: bridge.acquire(20), bridges))

    shards = [lease.shard for leases in taken for lease in leases]
    assert len(shards) == len(set(shards)) == 40
    assert bridges[0].acquire(100) == []


def test_a_lease_ends_by_the_clock_of_the_database(engine: Engine) -> None:
    register(engine, *open_shards("shard"))
    first, second = Leases(engine, "first", ttl=60), Leases(engine, "second", ttl=60)
    (old,) = first.acquire(1)
    assert second.acquire(1) == []

    Sql(engine).run("UPDATE shards SET lease_until = now() - interval '1 ms'")
    (new,) = second.acquire(1)

    assert new.epoch == old.epoch + 1
    assert first.renew([old]) == set()
    assert not first.finish(old, None)
    first.release([old])
    first.record_gap(old, "nothing to say any more")
    row = Sql(engine).one("SELECT owner, state FROM shards")
    assert row == {"owner": "second", "state": "open"}
    assert Sql(engine).all("SELECT * FROM gaps") == []


def test_a_renewed_lease_stays(engine: Engine) -> None:
    register(engine, *open_shards("a", "b"))
    leases = Leases(engine, "me", ttl=60)
    taken = leases.acquire(2)
    Sql(engine).run("UPDATE shards SET lease_until = now() + interval '1 s'")

    assert leases.renew(taken) == {lease.shard for lease in taken}

    assert Sql(engine).one("SELECT min(lease_until) > now() + interval '50 s' AS long FROM shards")["long"]


def test_a_released_shard_is_free_at_once(engine: Engine) -> None:
    register(engine, *open_shards("shard"))
    first, second = Leases(engine, "first", ttl=60), Leases(engine, "second", ttl=60)
    first.release(first.acquire(1))
    assert len(second.acquire(1)) == 1


def test_a_child_waits_for_its_parent(engine: Engine) -> None:
    register(engine, *open_shards("parent"), *open_shards("child-1", "child-2", parent="parent"))
    leases = Leases(engine, "me", ttl=60)
    (parent,) = leases.acquire(10)
    assert parent.shard_id == "parent"
    assert leases.acquire(10) == []

    assert leases.finish(parent, None)

    assert {lease.shard_id for lease in leases.acquire(10)} == {"child-1", "child-2"}


def test_a_child_of_a_trimmed_or_lost_parent_goes_ahead(engine: Engine) -> None:
    register(engine, *open_shards("orphan", parent="trimmed-before-we-came"))
    register(engine, *open_shards("parent"), *open_shards("child", parent="parent"))
    leases = Leases(engine, "me", ttl=60)
    taken = {lease.shard_id: lease for lease in leases.acquire(10)}
    assert taken.keys() == {"orphan", "parent"}

    leases.finish(taken["parent"], None, lost=True)

    assert [lease.shard_id for lease in leases.acquire(10)] == ["child"]


def test_the_same_shard_of_two_streams_is_two_shards(engine: Engine) -> None:
    leases = Leases(engine, "me", ttl=60)
    for arn in ("arn:before", "arn:after"):
        assert leases.register("activity", arn, open_shards("shardId-0")) == 1
        assert leases.register("activity", arn, open_shards("shardId-0")) == 0
    assert {lease.stream_arn for lease in leases.acquire(10)} == {"arn:before", "arn:after"}


def test_one_bridge_sweeps_at_a_time(engine: Engine) -> None:
    first, second = Leases(engine, "first", ttl=60), Leases(engine, "second", ttl=60)
    with first.sweeping() as ours:
        assert ours
        with second.sweeping() as too:
            assert not too
    with second.sweeping() as now:
        assert now
