"""Records in quarantine become what they are by the routes of today, once, and every record stays accounted for."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from bridge.quarantine.judgement import judged
from notifier import Email, Event, route
from notifier.notifications import Status, notification_id
from notifier.outbox import (
    Erasure,
    ErasureKeys,
    Judgement,
    NewNotification,
    Page,
    Partitions,
    Person,
    Quarantine,
    Quarantined,
    QuarantinedRecord,
    QuarantineSelection,
    Replayed,
)
from notifier.outbox import records as wire
from notifier.outbox.quarantine import quarantine as module
from notifier.outbox.rewinds.corrections import correct_records
from notifier.routes import Routes, routes_of
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import ARN, Rows
from tests.outbox.test_lock_order import start
from tests.waiting import wait_until

__all__ = ["engine", "rows"]


@route(table="activity", on="INSERT", match={"type": ["welcome"]}, channel="email")
def welcome(event: Event) -> Email:
    return Email(to="ana@example.com", template="welcome", context={"id": event.id})


EVERYTHING = QuarantineSelection()
SECONDS = int(time.time()) - 60


def record(number: int, kind: str = "welcome", at: int = SECONDS) -> bytes:
    return wire.write(
        {
            "eventID": f"e{number}", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": at, "Keys": {"pk": {"S": f"user#{number}"}},
                "NewImage": {"pk": {"S": f"user#{number}"}, "type": {"S": kind}}, "SequenceNumber": str(number),
                "SizeBytes": 10, "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }
    )  # fmt: skip


def quarantined(rows: Rows, records: Sequence[tuple[int, bytes]]) -> None:
    kept = [Quarantined(str(number), raw, "no route for the table activity") for number, raw in records]
    rows.record(Page(str(records[-1][0]), datetime.now(UTC), (), kept, 0))


judge = partial(judged, routes=Routes(routes_of(welcome)), not_before=datetime.min.replace(tzinfo=UTC))


def replayed(rows: Rows, selection: QuarantineSelection = EVERYTHING, keep_days: int = 90) -> Replayed:
    after = []
    for done in Quarantine(rows.engine, actor="eva", keep_days=keep_days).replay(selection, judge, "mended"):
        assert rows.balanced()
        after.append(done)
    return after[-1] if after else Replayed()


def id_of(number: int) -> UUID:
    return notification_id(ARN, "shardId-1", str(number), "welcome", SECONDS * 1000)


def counters(rows: Rows) -> tuple[int, ...]:
    return tuple(
        rows.one("SELECT records_read, records_notified, records_unrouted, records_quarantined FROM shards").values()
    )


def test_each_record_becomes_what_it_is_and_counters_move(rows: Rows) -> None:
    quarantined(rows, [(1, record(1)), (2, record(2, "other")), (3, b'{"eventName":"NONSENSE"}'), (4, b"[]")])
    assert counters(rows) == (4, 0, 0, 4)

    done = replayed(rows)
    assert (done.notified, done.unrouted, done.errors.total()) == (1, 1, 2)
    assert counters(rows) == (4, 1, 1, 2)
    assert rows.status(id_of(1)) is Status.PENDING
    assert rows.one("SELECT notification_ids FROM publications")["notification_ids"] == [id_of(1)]
    assert rows.one("SELECT error FROM quarantine WHERE sequence_number = '4'")["error"] == (
        "it is no record of DynamoDB Streams"
    )
    again = replayed(rows)
    assert (again.notified, again.unrouted, counters(rows)) == (0, 0, (4, 1, 1, 2))
    journal = rows.all("SELECT action, deliveries FROM operations ORDER BY id")
    assert journal[0] == {"action": "replay quarantine", "deliveries": 1}


def test_a_selection_selects_and_a_dry_run_changes_nothing(rows: Rows) -> None:
    quarantined(rows, [(number, record(number)) for number in (1, 2, 3)])
    first, second, third = (row["id"] for row in rows.all("SELECT id FROM quarantine ORDER BY id"))
    rows.run("UPDATE quarantine SET acknowledged_at = now() WHERE id = :id", id=third)
    kept = Quarantine(rows.engine, actor="eva")

    assert [row["id"] for row in kept.newest(EVERYTHING)] == [second, first]
    assert kept.newest(QuarantineSelection(because="unheard")) == kept.newest(QuarantineSelection(table="x")) == []
    assert kept.judge(EVERYTHING, judge).notified == 2
    assert counters(rows) == (3, 0, 0, 3)
    assert replayed(rows, QuarantineSelection(ids=[third])).notified == 1
    assert replayed(rows, QuarantineSelection(table="activity", shard="shardId-1", because="no route")).notified == 2
    assert counters(rows) == (3, 3, 0, 0)


def test_killed_between_two_batches_the_rest_is_replayed_later(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    quarantined(rows, [(number, record(number)) for number in range(1, 6)])
    batches = Quarantine(rows.engine, actor="eva").replay(EVERYTHING, judge, "mended")
    assert next(batches).notified == 2
    batches.close()
    assert (counters(rows), rows.balanced()) == ((5, 2, 0, 3), True)

    assert replayed(rows).notified == 3
    assert counters(rows) == (5, 5, 0, 0)


def test_a_transaction_that_fails_leaves_nothing(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    quarantined(rows, [(1, record(1))])

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(module, "journal", fail)
    with pytest.raises(RuntimeError):
        replayed(rows)
    assert counters(rows) == (1, 0, 0, 1)
    assert rows.all("SELECT FROM notifications") == rows.all("SELECT FROM publications") == []


def test_a_record_of_a_day_that_is_not_kept_stays(rows: Rows) -> None:
    quarantined(rows, [(1, record(1, at=SECONDS - 40 * 86_400))])
    done = replayed(rows, keep_days=30)
    assert (done.too_old, done.notified, counters(rows)) == (1, 0, (1, 0, 0, 1))
    assert replayed(rows, keep_days=0).notified == 1


def test_the_database_says_which_days_are_kept(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the operator's machine may be wrong."""

    class Fast(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Fast":
            return cls.fromtimestamp(time.time() + 40 * 86_400, tz)

    quarantined(rows, [(1, record(1))])
    monkeypatch.setattr(module, "datetime", Fast, raising=False)
    assert replayed(rows, keep_days=30).notified == 1


def test_two_replays_at_once_with_other_routes_make_one_notification(rows: Rows) -> None:
    """An operator has the new routes, another one the old: the second waits for the first, and finds the record."""
    quarantined(rows, [(1, record(1))])
    renamed = replace(routes_of(welcome)[0], name="greet")
    greet = partial(judged, routes=Routes([renamed]), not_before=datetime.min.replace(tzinfo=UTC))
    lease = rows.lease
    found = QuarantinedRecord(1, lease.shard, lease.shard_id, lease.stream_arn, lease.table, "1", record(1), "")
    (first,), (second,) = judge(found).notifications, greet(found).notifications
    Partitions(rows.engine).ensure([first.day])

    def correct(notification: NewNotification) -> int:
        with rows.engine.begin() as connection:
            return len(correct_records(connection, rows.lease.shard, "activity", [notification], ()).made)

    with ThreadPoolExecutor(1) as threads, rows.engine.connect() as connection:
        done = correct_records(connection, rows.lease.shard, "activity", [first], ())
        other = start(rows, threads, lambda: correct(second))
        connection.commit()
        assert (len(done.made), other.result()) == (1, 0)
    assert counters(rows) == (1, 1, 0, 0)
    assert rows.balanced()


def test_a_replay_of_two_shards_does_not_deadlock_with_another_of_the_second_one(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one has moved the counters of its first shard when the other one moves those of the second shard."""
    other = Rows(rows.engine, "shardId-2")
    quarantined(rows, [(1, record(1))])
    quarantined(other, [(11, record(11)), (12, record(12))])
    id_of_number = {
        row["sequence_number"]: row["id"] for row in rows.all("SELECT id, sequence_number FROM quarantine")
    }
    at_the_second, go_on = threading.Event(), threading.Event()

    def correct(connection: Any, shard: int, *more: Any) -> Any:
        if threading.current_thread().name.startswith("first") and shard == other.lease.shard:
            at_the_second.set()
            assert go_on.wait(60)
        return correct_records(connection, shard, *more)

    def replay(*numbers: str) -> int:
        return replayed(rows, QuarantineSelection(ids=[id_of_number[each] for each in numbers])).notified

    monkeypatch.setattr(module, "correct_records", correct)
    with ThreadPoolExecutor(1, "first") as one, ThreadPoolExecutor(1, "other") as two:
        first = one.submit(replay, "1", "11")
        try:
            wait_until(lambda: at_the_second.is_set() or first.done())
            second = start(rows, two, lambda: replay("12"))
        finally:
            go_on.set()
        assert (first.result(), second.result()) == (2, 1)
    assert rows.balanced()


def test_what_is_erased_while_it_is_judged_makes_no_notification(rows: Rows) -> None:
    quarantined(rows, [(1, record(1)), (2, wire.write(wire.parse(record(2)) | {"note": "ana@example.com"}))])

    def erased_meanwhile(kept: QuarantinedRecord) -> Judgement:
        erasure = Erasure(rows.engine, actor="eva", keys=ErasureKeys())
        list(erasure.run(Person("ana@example.com", ["email"], ["ana@example.com"]), "asked"))
        return judge(kept)

    *_, done = Quarantine(rows.engine, actor="eva").replay(EVERYTHING, erased_meanwhile, "mended")
    assert (done.notified, counters(rows)) == (1, (2, 1, 0, 1))
    assert rows.all("SELECT * FROM notifications WHERE position('ana@' IN record) > 0") == []
    assert rows.balanced()
