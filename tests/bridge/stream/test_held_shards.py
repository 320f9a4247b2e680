"""The shards that a bridge holds: which may be read now, and how it gives them back."""

from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge.bridge import ACQUIRE_SECONDS
from bridge.stream.held_shards import HeldShards
from bridge.stream.leases import Leases
from notifier.database.engine import connect
from notifier.settings import Settings
from tests.bridge.stream.test_leases import many, register
from tests.sql import Sql

OWNERS = "SELECT count(*) AS n FROM shards WHERE owner IS NOT NULL"


class Reader:
    """Stands in for the reader of a lease."""

    def __init__(self, lease: Any) -> None:
        self.lease = lease
        self.caught_up_at: float | None = None


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("bridge.stream.held_shards.boottime", clock)
    return clock


def holdings(engine: Engine, ttl: float = 60.0, most: int = 100) -> HeldShards:
    return HeldShards(Leases(engine, "me", ttl, ["activity"]), most)


def take(held: HeldShards) -> list[Reader]:
    readers = [Reader(lease) for lease in held.take()]
    for reader in readers:
        held.add(reader)  # type: ignore[arg-type]
    return readers


def test_nothing_is_read_under_a_lease_that_is_about_to_end(engine: Engine, clock: Clock) -> None:
    register(engine, *many(2))
    held = holdings(engine, ttl=15.0)
    take(held)
    clock.now += 11.9
    assert not held.overdue()
    clock.now += 0.2  # a bridge that was stopped for so long finds out before it reads
    assert held.overdue()
    held.renew()
    assert not held.overdue()


def test_a_renewal_that_fails_renews_nothing(engine: Engine, clock: Clock) -> None:
    register(engine, *many(2))
    held = holdings(engine, ttl=15.0)
    take(held)
    clock.now += 13.0
    Sql(engine).run("ALTER TABLE shards RENAME TO gone")
    with pytest.raises(Exception, match="shards"):
        held.renew()
    assert held.overdue()


def test_what_was_lost_is_forgotten_at_the_next_renewal(engine: Engine) -> None:
    register(engine, *many(3))
    held = holdings(engine)
    readers = take(held)
    Sql(engine).run("UPDATE shards SET owner = 'another', epoch = epoch + 1 WHERE shard_id = 'shard-01'")
    held.renew()
    assert [held.has(reader) for reader in readers] == [True, False, True]  # type: ignore[arg-type]


def test_renewal_says_how_far_the_shards_are_read(engine: Engine, clock: Clock) -> None:
    register(engine, *many(1))
    held = holdings(engine)
    (reader,) = take(held)
    reader.caught_up_at = clock.now - 30.0
    held.renew()
    behind = Sql(engine).one("SELECT extract(epoch FROM now() - caught_up_at) AS n FROM shards")["n"]
    assert 30 <= behind < 40


def test_a_bridge_takes_no_more_than_it_can_hold(engine: Engine) -> None:
    register(engine, *many(5))
    held = holdings(engine, most=3)
    assert len(take(held)) == 3
    assert take(held) == []


def test_a_bridge_that_can_hold_no_more_says_so_once(engine: Engine) -> None:
    register(engine, *many(5))
    held = holdings(engine, most=3)
    with capture_logs() as logs:
        readers = take(held)
        assert logs == []
        take(held)
        take(held)
        held.forget(readers[0])  # type: ignore[arg-type]
        take(held)
        take(held)
    (said,) = logs
    assert (said["log_level"], said["most"]) == ("warning", 3)
    assert "start another bridge" in said["event"]


def test_a_shard_whose_giving_back_failed_is_taken_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    register(engine, *many(2))
    held = holdings(engine)
    first, _ = take(held)
    away = connect("postgresql://nobody@127.0.0.1:1/none")
    with monkeypatch.context() as patch:
        patch.setattr(held._leases, "_engine", away)
        held.drop(first)  # type: ignore[arg-type]
    assert [reader.lease.shard for reader in take(held)] == [first.lease.shard]


def test_a_bridge_that_stops_gives_everything_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    register(engine, *many(4))
    held = holdings(engine)
    take(held)
    assert held.release_all() == 4
    assert Sql(engine).one(OWNERS)["n"] == 0

    take(held)
    monkeypatch.setattr(held._leases, "_engine", connect("postgresql://nobody@127.0.0.1:1/none"))
    assert held.release_all() == 4  # and no error, though the database is away


def test_the_shards_of_a_killed_bridge_are_taken_over_in_under_20_seconds(engine: Engine) -> None:
    lease = Settings.model_fields["shard_lease_seconds"].default
    assert lease + ACQUIRE_SECONDS < 20
    assert holdings(engine, ttl=lease).renew_seconds <= lease / 3  # a renewal may fail twice


def test_what_is_expired_is_taken_before_anything_is_stolen(engine: Engine) -> None:
    register(engine, *many(4))
    Leases(engine, "rich", ttl=60, tables=["activity"]).acquire(3)
    Leases(engine, "dead", ttl=60, tables=["activity"]).acquire(1)
    Sql(engine).run("UPDATE shards SET lease_until = now() - interval '1 s' WHERE owner = 'dead'")
    taken = take(holdings(engine))
    assert [reader.lease.shard_id for reader in taken] == ["shard-03"]
