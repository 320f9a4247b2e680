"""A bridge that stops in the middle of COPY keeps the row of its shard locked: no other may wait for it to go on."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine, event, make_url, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from bridge.stream.leases import Leases
from notifier.database.engine import connect
from notifier.errors import LeaseLost
from notifier.outbox import NewNotification, NewPublication, Page, Partitions, Recording, ShardLease
from notifier.outbox.roles import grant_roles
from notifier.outbox.stream import recording
from notifier.outbox.stream.binary_rows import notification_rows
from tests.conftest import administer
from tests.outbox.rows import Rows
from tests.pooler import pgbouncer, running_pgbouncer
from tests.sql import Sql
from tests.waiting import SLOWNESS, soon, wait_until

TTL = 0.5
PIECE = 10_000
IN_COPY = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'COPY%' AND state = 'active' AND wait_event = 'ClientRead'
"""


class FrozenBridge:
    """The bridge `me`. It records a page by COPY, and stops after the first piece until `woken`; then it waits for
    `pause` before each piece.
    """

    def __init__(self, rows: Rows, engine: Engine) -> None:
        self.woken = Event()
        self.pause = 0.0
        self.leases = Leases(engine, "me", TTL, ["activity"])
        made = [replace(rows.notification(number), record=b"x" * 20_000) for number in range(1, 31)]
        self.page = Page("30", None, made, [], 0)
        self._recording = Recording(engine, Partitions(engine))
        self._threads = ThreadPoolExecutor(1)
        self._rows = rows

    def record(self, lease: ShardLease) -> list[NewPublication]:
        return self._recording.record(lease, None, self.page)

    def freeze(self, lease: ShardLease) -> "Future[list[NewPublication]]":
        doing = self._threads.submit(self.record, lease)
        wait_until(lambda: self._rows.all(IN_COPY))
        return doing

    def pieces(self, shard: int, rows: Sequence[NewNotification], encoding: str) -> Iterator[bytes]:
        whole = b"".join(notification_rows(shard, rows, encoding))
        for start in range(0, len(whole), PIECE):
            yield whole[start : start + PIECE]
            self.woken.wait(60)
            time.sleep(self.pause)

    def close(self) -> None:
        self.woken.set()
        self._threads.shutdown()


Freezing = Callable[[Engine], FrozenBridge]


@pytest.fixture
def freezing(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Iterator[Freezing]:
    made: list[FrozenBridge] = []

    def freezing(engine: Engine) -> FrozenBridge:
        made.append(FrozenBridge(rows, engine))
        monkeypatch.setattr(recording, "notification_rows", made[-1].pieces)
        return made[-1]

    monkeypatch.setattr(recording, "MOST_IN_ONE_STATEMENT", -1)
    rows.run("UPDATE shards SET owner = NULL, lease_until = NULL")
    yield freezing
    for each in made:
        each.close()


@pytest.fixture
def frozen(freezing: Freezing, database_url: str) -> Iterator[FrozenBridge]:
    engine = connect(database_url)
    yield freezing(engine)
    engine.dispose()


def test_the_shard_of_a_bridge_that_stops_in_the_middle_of_copy_is_taken(
    freezing: Freezing, engine: Engine, database_url: str
) -> None:
    limited = connect(database_url, patience=1)  # which the server does not keep while it waits for COPY to go on
    frozen = freezing(limited)
    (lease,) = frozen.leases.acquire(1)
    doing = frozen.freeze(lease)

    other = Leases(engine, "other", TTL, ["activity"])
    (taken,) = soon(lambda: other.acquire(1), 10)

    assert (taken.shard, taken.epoch, taken.checkpoint) == (lease.shard, lease.epoch + 1, None)
    frozen.woken.set()
    with pytest.raises(OperationalError):  # as any connection that is lost
        doing.result(30)
    with pytest.raises(LeaseLost):  # on a new connection
        frozen.record(lease)
    assert Sql(engine).all("SELECT * FROM notifications") == []
    limited.dispose()


def test_ending_a_session_is_logged_once(frozen: FrozenBridge, engine: Engine) -> None:
    (lease,) = frozen.leases.acquire(1)
    frozen.freeze(lease)
    other = Leases(engine, "other", TTL, ["activity"])
    with capture_logs() as logs:
        assert soon(lambda: other.acquire(1), 10)
        other.acquire(1)
    (line,) = logs
    assert (line["log_level"], line["shard"], line["owner"]) == ("warning", lease.shard_id, "me")


def test_a_page_that_goes_on_slowly_is_not_ended(frozen: FrozenBridge, engine: Engine) -> None:
    """Its session waits for its client at each look, but has come further."""
    frozen.pause = 0.05
    frozen.woken.set()
    (lease,) = frozen.leases.acquire(1)
    doing = frozen.freeze(lease)
    other = Leases(engine, "other", TTL, ["activity"])
    looked = 0
    while not doing.done():
        taken = other.acquire(1)
        assert not taken or doing.done()
        looked += bool(other._seen)
        time.sleep(0.02)
    assert looked > 10
    (publication,) = doing.result()
    assert len(publication.ids) == len(frozen.page.notifications)


def test_the_session_of_a_live_lease_is_not_ended(frozen: FrozenBridge, engine: Engine) -> None:
    (lease,) = frozen.leases.acquire(1)
    Sql(engine).run("UPDATE shards SET lease_until = now() + interval '1 h'")
    doing = frozen.freeze(lease)
    other = Leases(engine, "other", TTL, ["activity"])
    # Another shard was left long ago, and cannot be taken: there is a reason to look.
    Sql(engine).run(
        "INSERT INTO shards (stream_id, shard_id, parent_shard_id, owner, epoch, lease_until) "
        "SELECT stream_id, 'shardId-2', shard_id, 'gone', 1, now() - interval '1 h' FROM shards"
    )
    with capture_logs() as logs:
        for _ in range(6):
            other._look_at = 0.0
            assert other.acquire(1) == []
            time.sleep(TTL / 2)
    assert not logs
    frozen.woken.set()
    assert doing.result(30)


def test_taking_shards_is_one_statement_unless_one_is_passed_over(rows: Rows, engine: Engine) -> None:
    done: list[str] = []
    leases = Leases(engine, "other", TTL, ["activity"])
    event.listen(engine, "before_cursor_execute", lambda *given: done.append(given[2]))
    leases.acquire(1)
    rows.run("UPDATE shards SET lease_until = now() - interval '1 h'")
    done.clear()
    assert leases.acquire(1)
    assert len(done) == 1


@pytest.fixture
def login(engine: Engine, database_url: str) -> Iterator[Engine]:
    """An engine under the login of all bridges."""
    grant_roles(engine, {"notifier_bridge": "geheim"})
    url = make_url(database_url).set(username="notifier_bridge", password="geheim")
    bridge = connect(url.render_as_string(hide_password=False))
    yield bridge
    bridge.dispose()
    administer(database_url, "ALTER ROLE notifier_bridge NOLOGIN PASSWORD NULL")  # roles belong to the whole server


def test_the_role_of_bridges_may_end_their_sessions(freezing: Freezing, login: Engine) -> None:
    frozen = freezing(login)
    (lease,) = frozen.leases.acquire(1)
    frozen.freeze(lease)
    other = Leases(login, "other", TTL, ["activity"])
    (taken,) = soon(lambda: other.acquire(1), 10)
    assert taken.epoch == lease.epoch + 1


def test_behind_pgbouncer_the_session_of_the_server_is_ended(
    freezing: Freezing, database_url: str, tmp_path: Path
) -> None:
    if (program := pgbouncer()) is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    with running_pgbouncer(program, database_url, tmp_path) as url:
        pooled = connect(url)
        frozen = freezing(pooled)
        (lease,) = frozen.leases.acquire(1)
        doing = frozen.freeze(lease)
        other = Leases(pooled, "other", TTL, ["activity"])
        (taken,) = soon(lambda: other.acquire(1), 10)
        assert taken.epoch == lease.epoch + 1
        frozen.woken.set()
        with pytest.raises(OperationalError):
            doing.result(30)
        with pytest.raises(LeaseLost):
            frozen.record(lease)
        pooled.dispose()


def test_other_leases_are_renewed_while_the_row_of_one_shard_is_locked(
    frozen: FrozenBridge, rows: Rows, engine: Engine
) -> None:
    (lease,) = frozen.leases.acquire(1)
    rows.run("UPDATE shards SET lease_until = now() + interval '4 s'")
    rows.run("INSERT INTO shards (stream_id, shard_id) SELECT stream_id, 'shardId-2' FROM shards")
    ours = Leases(engine, "me", 6.0, ["activity"])
    (free,) = ours.acquire(1)
    doing = frozen.freeze(lease)
    ends = "SELECT lease_until FROM shards ORDER BY shard_id"
    before = rows.all(ends)

    began = time.monotonic()
    assert ours.renew([lease, free], {}) == {lease.shard, free.shard}
    assert time.monotonic() - began < SLOWNESS  # an eighth of a lease
    after = rows.all(ends)
    assert [new["lease_until"] > old["lease_until"] for new, old in zip(after, before, strict=True)] == [False, True]

    # When the lease has ended, another bridge may have the shard as soon as its row is free.
    wait_until(lambda: rows.one("SELECT min(lease_until) < now() AS ended FROM shards")["ended"])
    assert ours.renew([lease, free], {}) == {free.shard}
    frozen.woken.set()
    doing.result(30)
    assert ours.renew([lease, free], {}) == {lease.shard, free.shard}


def test_the_lease_of_a_shard_whose_page_is_being_recorded_is_renewed(engine: Engine, rows: Rows) -> None:
    """Also if a page is always being recorded when leases are renewed."""
    ours = Leases(engine, "me", 60, ["activity"])
    rows.run("UPDATE shards SET lease_until = now() + interval '1 s'")
    with ThreadPoolExecutor(1) as threads, engine.connect() as other:
        other.execute(text("UPDATE shards SET records_read = 1, records_unrouted = 1"))
        renewing = threads.submit(ours.renew, [rows.lease], {})
        wait_until(lambda: rows.all("SELECT 1 FROM pg_locks WHERE NOT granted"))
        other.commit()
        assert renewing.result(30) == {rows.lease.shard}
    row = rows.one("SELECT records_read, lease_until > now() + interval '50 s' AS renewed FROM shards")
    assert row == {"records_read": 1, "renewed": True}


def test_a_shard_that_is_taken_while_its_row_is_waited_for_is_not_held(engine: Engine, rows: Rows) -> None:
    ours = Leases(engine, "me", 60, ["activity"])
    with ThreadPoolExecutor(1) as threads, engine.connect() as thief:
        thief.execute(text("UPDATE shards SET owner = 'another', epoch = epoch + 1"))
        renewing = threads.submit(ours.renew, [rows.lease], {})
        wait_until(lambda: rows.all("SELECT 1 FROM pg_locks WHERE NOT granted"))
        thief.commit()
        assert renewing.result(30) == set()
