"""A day over age is dropped whole once all of its deliveries are final; the audit balances at any time."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from notifier.database.engine import connect
from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox import (
    Operations,
    Partitions,
    Quarantined,
    Recording,
    Report,
    Retention,
    Selection,
    Settlement,
    read_gauges,
)
from tests.outbox.history.history import KEEP, OLD, at, day, partitions, put, recorded, settled
from tests.outbox.rows import Rows

NOW = datetime.now(UTC)


def test_a_day_over_age_is_dropped_whole_and_the_audit_still_balances(rows: Rows, retention: Retention) -> None:
    recorded(rows, OLD, 5)
    kept = recorded(rows, KEEP, 2)
    assert day(OLD) in partitions(rows)
    assert rows.balanced()

    settled(retention)

    assert day(OLD) not in partitions(rows)
    assert day(KEEP) in partitions(rows)
    assert rows.one("SELECT count(*) FROM notifications") == {"count": len(kept)}
    assert rows.all("SELECT day FROM days") == [{"day": day(KEEP)}]
    assert rows.balanced()
    (entry,) = rows.all("SELECT action, scope, deliveries FROM operations")
    assert entry == {"action": "retain", "scope": str(day(OLD)), "deliveries": 5}


@pytest.mark.parametrize("status", [Status.PENDING, Status.SENDING, Status.UNKNOWN])
def test_a_day_with_an_open_delivery_stays_and_is_reported(rows: Rows, retention: Retention, status: Status) -> None:
    ids = recorded(rows, OLD, 4)
    put(rows, ids[:1], status)

    settled(retention)

    assert day(OLD) in partitions(rows)
    (old,) = retention.old_days()
    assert (old.day, old.reason, old.deliveries) == (day(OLD), f"{status} 1", 4)
    assert old.bytes > 0
    kept = read_gauges(rows.engine, KEEP).days
    assert (kept.oldest, kept.oldest_age, kept.overdue) == (day(OLD), OLD, {"open": 1})

    put(rows, ids[:1], Status.FAILED)
    settled(retention)
    assert day(OLD) not in partitions(rows)


def test_a_day_with_a_due_row_stays(rows: Rows, retention: Retention) -> None:
    (id_,) = recorded(rows, OLD, 1)
    rows.run("INSERT INTO due VALUES (:id, 'held', 'email', now())", id=id_)
    settled(retention)
    assert [each.reason for each in retention.old_days()] == ["due"]


def test_a_redrive_before_the_drop_loses_nothing(rows: Rows, retention: Retention) -> None:
    """A delivery that was counted as failed is sent again: the day is counted again, and stays."""
    ids = recorded(rows, OLD, 3, Status.FAILED)
    for _ in range(2):
        Retention(rows.engine, 0).run_once()
    assert rows.one("SELECT state FROM days")["state"] == "counted"

    assert sum(Operations(rows.engine, actor="eva").redrive(Selection(ids=ids[:1]), "why", per_second=100)) == 1
    settled(retention)

    assert [each.reason for each in retention.old_days()] == ["pending 1"]
    assert rows.status(ids[0]) is Status.PENDING


@pytest.fixture
def other(rows: Rows) -> Iterator[Connection]:
    """Another session, in a transaction that is not committed."""
    with rows.engine.connect() as connection:
        yield connection
        connection.rollback()


REOPEN = text("UPDATE deliveries SET status = 'pending' WHERE notification_id = :id")


def test_count_and_drop_wait_for_a_redrive_that_is_not_committed(
    rows: Rows, retention: Retention, other: Connection
) -> None:
    ids = recorded(rows, OLD, 3, Status.FAILED)
    Retention(rows.engine, 0).run_once()  # creates the triggers, counts nothing
    other.execute(REOPEN, {"id": ids[0]})

    for _ in range(5):
        retention.run_once()
    assert rows.one("SELECT count(*) FROM deliveries") == {"count": 3}

    other.commit()
    settled(retention)
    assert [each.reason for each in retention.old_days()] == ["pending 1"]


def test_the_count_waits_for_a_writer_that_began_before_it(
    rows: Rows, retention: Retention, other: Connection
) -> None:
    """The writer locks the row of a day that is marked as changed, and counting waits for that lock: it would not see
    the rows of a transaction that is not committed.
    """
    ids = recorded(rows, OLD, 2, Status.FAILED)
    settled(Retention(rows.engine, 0))
    put(rows, ids[1:], Status.CANCELLED)  # marks the day as changed
    other.execute(REOPEN, {"id": ids[0]})

    for _ in range(5):
        retention.run_once()
    assert rows.one("SELECT count(*) FROM deliveries") == {"count": 2}

    other.commit()
    settled(retention)
    assert [each.reason for each in retention.old_days()] == ["pending 1"]


def test_records_of_a_dropped_day_that_are_read_again_are_recorded(rows: Rows, retention: Retention) -> None:
    recorded(rows, OLD, 2)
    settled(retention)

    ids = recorded(rows, OLD, 2, Status.PENDING)  # the bridge assumes that the partition still exists

    assert [rows.status(id_) for id_ in ids] == [Status.PENDING] * 2
    settled(retention)
    assert [each.reason for each in retention.old_days()] == ["pending 2"]
    assert rows.balanced()


def test_an_event_of_a_dropped_day_is_kept_as_unmatched(rows: Rows, retention: Retention) -> None:
    (id_,) = recorded(rows, OLD, 1)
    settled(retention)
    now = datetime.now(UTC)
    settled_ = Settlement(rows.engine, channel="email").settle(
        [Feedback(FeedbackKind.DELIVERY, "m", now, now, id_, 1, recipient="ana@example.com")]
    )
    assert settled_.unmatched == 1
    assert rows.all("SELECT FROM suppressions") == []


@pytest.mark.parametrize(
    ("event", "reason", "topic"),
    [
        (Feedback(FeedbackKind.COMPLAINT, "m", NOW, NOW), "complaint", ""),
        (Feedback(FeedbackKind.BOUNCE, "m", NOW, NOW, permanent=True), "hard_bounce", ""),
        (Feedback(FeedbackKind.UNSUBSCRIBE, "m", NOW, NOW, topic="news"), "unsubscribe", "news"),
    ],
)
def test_an_event_of_a_dropped_day_suppresses_its_recipient(
    rows: Rows, retention: Retention, event: Feedback, reason: str, topic: str
) -> None:
    (id_,) = recorded(rows, OLD, 1)
    settled(retention)
    event = replace(event, notification_id=id_, attempt=1, recipient="Ana@Example.com")
    settlement = Settlement(rows.engine, channel="email")
    assert [settlement.settle([event]).unmatched for _ in range(2)] == [1, 0]
    suppression = rows.one("SELECT channel, address, topic, reason, notification_id FROM suppressions")
    assert suppression == {
        "channel": "email",
        "address": "ana@example.com",
        "topic": topic,
        "reason": reason,
        "notification_id": id_,
    }


def test_a_late_bounce_changes_the_counts(rows: Rows, retention: Retention) -> None:
    ids = recorded(rows, 5, 3)
    settled(retention)
    now = datetime.now(UTC)
    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.BOUNCE, "m", now, now, ids[0], 1)])

    assert Report(rows.engine).totals() == {Status.SENT: 2, Status.BOUNCED: 1}
    settled(retention)
    assert rows.one("SELECT state FROM days")["state"] == "counted"
    assert Report(rows.engine).totals() == {Status.SENT: 2, Status.BOUNCED: 1}


def test_a_day_is_counted_in_parts(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.outbox.history.retention._PART", 2)
    recorded(rows, 5, 5)
    recorded(rows, 5, 1, Status.FAILED)
    settled(Retention(rows.engine, 0))
    assert Report(rows.engine).totals() == {Status.SENT: 5, Status.FAILED: 1}
    assert rows.one("SELECT sum(deliveries)::int AS sum FROM day_counts") == {"sum": 6}


@pytest.mark.parametrize("ago", [0, 1])
def test_recent_days_have_no_trigger(rows: Rows, retention: Retention, ago: int) -> None:
    recorded(rows, ago)
    settled(retention)
    others = ["note_keys", "note_terms", "keep_opt_out"]
    watched = rows.all(
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgname <> ALL (:others)", others=others
    )
    assert watched == []
    assert rows.all("SELECT FROM days") == []


def test_many_processes_at_once_drop_each_day_once(rows: Rows) -> None:
    for ago in range(OLD, OLD + 8):
        recorded(rows, ago, 3)
    failures: list[BaseException] = []

    def drop() -> None:
        try:
            settled(Retention(rows.engine, KEEP))
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=drop) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    unclaimed(rows)  # one that found a lock not free has left its day claimed
    settled(Retention(rows.engine, KEEP))

    assert failures == []
    assert partitions(rows) == set()
    assert rows.one("SELECT sum(deliveries)::int AS sum FROM operations") == {"sum": 24}
    assert rows.balanced()


def unclaimed(rows: Rows) -> None:
    """Let the minute end for which a killed bridge claimed the day."""
    rows.run("UPDATE days SET claimed_until = now() - interval '1 s'")


def test_a_pending_detachment_of_a_killed_process_is_finished(
    rows: Rows, retention: Retention, database_url: str
) -> None:
    """An older transaction delays the detachment; the bridge is killed while it waits."""
    recorded(rows, OLD, 2)
    partition = f"deliveries_{day(OLD):%Y%m%d}"
    settled(Retention(rows.engine, 0))
    rows.run("SELECT empty_day(:day, 30)", day=day(OLD))
    rows.run("SELECT claim_day()")
    with psycopg.connect(database_url) as reader, psycopg.connect(database_url, autocommit=True) as killed:
        reader.execute("SELECT count(*) FROM deliveries")
        killed.execute("SET statement_timeout = '200ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            killed.execute(f"ALTER TABLE deliveries DETACH PARTITION {partition} CONCURRENTLY".encode())
    assert rows.one("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == {"count": 1}

    unclaimed(rows)
    settled(retention)

    assert partitions(rows) == set()
    assert rows.all("SELECT FROM days") == []


def test_a_detached_table_of_a_killed_process_is_dropped(rows: Rows, retention: Retention) -> None:
    recorded(rows, OLD, 2)
    settled(Retention(rows.engine, 0))
    rows.run("SELECT empty_day(:day, 30)", day=day(OLD))
    rows.run("SELECT claim_day()")
    for table in ("deliveries", "feedback"):
        rows.run(f"ALTER TABLE {table} DETACH PARTITION {table}_{day(OLD):%Y%m%d}")
    unclaimed(rows)
    settled(retention)
    assert partitions(rows) == set()


@pytest.mark.parametrize("dropped", [1, 2, 3])
def test_no_partition_is_created_for_a_day_of_which_some_are_dropped(
    rows: Rows, retention: Retention, dropped: int
) -> None:
    """A bridge is killed between two tables of a day, and then a late record of that day is read."""
    recorded(rows, OLD, 1)
    settled(Retention(rows.engine, 0))
    rows.run("SELECT empty_day(:day, 30)", day=day(OLD))
    rows.run("SELECT claim_day()")
    for _ in range(dropped):
        rows.run("SELECT drop_day(:day)", day=day(OLD))

    page = rows.page([10], at=at(OLD))
    with pytest.raises(OperationalError, match="is being dropped"):
        Recording(rows.engine, Partitions(rows.engine)).record(rows.lease, rows.checkpoint, page)

    unclaimed(rows)
    settled(retention)
    assert (partitions(rows), rows.all("SELECT FROM days")) == (set(), [])
    Recording(rows.engine, Partitions(rows.engine)).record(rows.lease, rows.checkpoint, page)
    assert rows.one("SELECT count(*) FROM deliveries") == {"count": 1}
    assert rows.balanced()


@pytest.mark.parametrize("hours", [-100 * 24, -13])
def test_nothing_is_deleted_while_the_clock_of_postgres_is_fast(
    rows: Rows, retention: Retention, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    recorded(rows, OLD, 1)
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr("notifier.outbox.history.retention.time.time", lambda: real() + hours * 3600)
        settled(retention)
        assert day(OLD) in partitions(rows)
    settled(retention)
    assert day(OLD) not in partitions(rows)


def test_nothing_can_be_recorded_in_a_day_that_is_being_dropped(rows: Rows, retention: Retention) -> None:
    """Recording fails until the day is dropped; then it creates the partitions again."""
    recorded(rows, OLD, 1)
    settled(Retention(rows.engine, 0))
    rows.run("SELECT empty_day(:day, 30)", day=day(OLD))
    rows.run("SELECT claim_day()")

    page = rows.page([10], at=at(OLD))
    with pytest.raises(DBAPIError, match="is being dropped"):
        rows.record(page)
    assert rows.one("SELECT records_read FROM shards") == {"records_read": 1}

    unclaimed(rows)
    settled(retention)
    assert rows.record(page)
    assert rows.balanced()


@pytest.mark.parametrize(
    "call",
    [
        "empty_day(current_date - 2, 3)",
        "empty_day('2020-01-01', 2)",
        "empty_day('2020-01-01', NULL)",
        "count_day(current_date - 1, 10, '0 s')",
        "forget_rows('operations', 2, 10)",
        "forget_rows('suppressions', 90, 10)",
    ],
)
def test_the_owners_functions_refuse_what_is_against_the_rules(rows: Rows, call: str) -> None:
    with pytest.raises(DBAPIError, match=r"too young|not forgotten"):
        rows.run(f"SELECT {call}")


def test_keep_days_of_zero_keeps_everything(rows: Rows) -> None:
    recorded(rows, 400)
    settled(Retention(rows.engine, 0))
    assert day(400) in partitions(rows)
    assert Retention(rows.engine, 0).old_days() == []


def test_the_drop_waits_only_a_moment_for_a_reader_of_the_day(
    rows: Rows, retention: Retention, other: Connection
) -> None:
    """A report reads the day: the drop gives up after a moment, and succeeds later."""
    recorded(rows, OLD)
    settled(Retention(rows.engine, 0))
    other.execute(text("SELECT count(*) FROM deliveries"))
    began = datetime.now(UTC)
    for _ in range(3):
        retention.run_once()
    assert datetime.now(UTC) - began < timedelta(seconds=30)
    assert day(OLD) in partitions(rows)
    other.rollback()
    settled(retention)
    assert day(OLD) not in partitions(rows)


def test_old_rows_of_the_small_tables_are_deleted_and_the_sums_stay(rows: Rows, retention: Retention) -> None:
    rows.record(rows.page([1], [Quarantined("2", b"{", "odd"), Quarantined("3", b"{", "odd")]))
    _age(rows)
    before = read_gauges(rows.engine)
    assert retention.old_rows() == {
        "unmatched_feedback": 1, "dead_letters": 1, "status_updates": 0, "quarantine": 1, "duplicates": 1,
        "feedback_hours": 1, "shards": 0, "streams": 0, "actors": 1, "operations": 1,
    }  # fmt: skip

    settled(retention)

    assert sum(retention.old_rows().values()) == 0
    for table, left in (("quarantine", 1), ("duplicates", 1), ("operations", 1), ("actors", 0), ("dead_letters", 0)):
        assert rows.one(f"SELECT count(*) FROM {table}") == {"count": left}, table
    after = read_gauges(rows.engine)
    assert (after.feedback, after.records) == (before.feedback, before.records)
    assert after.found["duplicates"] == before.found["duplicates"] == 2
    assert rows.balanced()


def _age(rows: Rows) -> None:
    """Insert one old row into each small table, and one that must stay where more than its age counts."""
    long_ago, longer_ago = "now() - interval '40 days'", "now() - interval '121 days'"
    for statement in (
        f"UPDATE quarantine SET quarantined_at = {long_ago}",
        f"UPDATE quarantine SET acknowledged_at = {long_ago} WHERE sequence_number = '2'",
        f"INSERT INTO dead_letters (raw, error, received_at) VALUES ('x', 'odd', {long_ago})",
        f"INSERT INTO unmatched_feedback VALUES ('m', 'Send', now(), NULL, 'why', {long_ago})",
        f"INSERT INTO duplicates VALUES (gen_random_uuid(), 'm', {long_ago}, {long_ago})",
        f"INSERT INTO duplicates VALUES (gen_random_uuid(), 'm', {long_ago}, NULL)",
        f"INSERT INTO feedback_hours VALUES ('email', {long_ago}, 5, 4, 1, 1, 0)",
        f"INSERT INTO actors (name, started_at) VALUES ('host:1', {long_ago})",
        f"INSERT INTO operations (actor, action, scope, at) VALUES ('eva', 'pause', 'all', {longer_ago})",
        f"INSERT INTO operations (actor, action, scope, at) VALUES ('eva', 'pause', 'all', {long_ago})",
    ):
        rows.run(statement)


def test_a_worker_that_a_kept_delivery_names_is_not_deleted(rows: Rows, retention: Retention) -> None:
    attempts = rows.attempts()
    (id_,) = recorded(rows, 5, 1)
    rows.run("UPDATE deliveries SET token = :token WHERE notification_id = :id", token=attempts.token(), id=id_)
    rows.run("UPDATE actors SET started_at = now() - interval '40 days'")
    settled(retention)
    assert rows.one("SELECT name FROM actors") == {"name": "worker-1"}
    assert (Report(rows.engine).show(id_) or {})["actor"] == "worker-1"


def test_operations_are_counted_by_day_however_they_are_selected(rows: Rows, retention: Retention) -> None:
    old = recorded(rows, 20, 2, Status.FAILED)
    recorded(rows, 10, 2)
    new = recorded(rows, 0, 1, Status.FAILED)
    settled(retention)
    operations = Operations(rows.engine, actor="eva")
    assert operations.count(Selection(), Status.FAILED) == 3
    assert operations.count(Selection(since=datetime.now(UTC) - timedelta(days=7)), Status.FAILED) == 1
    assert operations.count(Selection(ids=[*old, uuid4()]), Status.FAILED) == 2
    assert sum(operations.redrive(Selection(), "why", per_second=1)) == 3
    assert [rows.status(id_) for id_ in (*old, *new)] == [Status.PENDING] * 3


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["before_cursor_execute", "after_cursor_execute"])
def test_another_process_continues_after_a_kill_around_any_statement(
    rows: Rows, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first count of a day to its last table. Another process does the rest, and counts nothing twice."""
    monkeypatch.setattr("notifier.outbox.history.retention.KINDS", ("dead_letters",))
    for number in range(200):
        recorded(rows, OLD, 2)
        killed = killed_at(rows, number, moment)
        unclaimed(rows)
        settled(Retention(rows.engine, KEEP, rest=0.0))
        assert day(OLD) not in partitions(rows), number
        assert rows.balanced(), number
        if not killed:
            break
    assert number > 20  # the statements of several rounds were reached
    assert rows.one("SELECT sum(deliveries)::int AS sum FROM operations") == {"sum": 2 * (number + 1)}


def killed_at(rows: Rows, number: int, moment: str) -> bool:
    """Run retention in an engine that is killed at this statement; return whether it was reached."""
    left = number

    def kill(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    victim = connect(rows.engine.url.render_as_string(hide_password=False))
    event.listen(victim, moment, kill)
    try:
        settled(Retention(victim, KEEP, rest=0.0))
    except Killed:
        return True
    finally:
        victim.dispose()
    return False
