"""Deliveries that wait for a time because their route returned `Later`."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notifier.notifications import Status
from notifier.outbox import (
    SCHEDULED,
    Change,
    Operations,
    Publications,
    Recipient,
    Report,
    Retention,
    Scheduled,
    Search,
    Selection,
    read_gauges,
)
from tests.outbox.history.history import KEEP, OLD, day, partitions, recorded, settled
from tests.outbox.rows import Rows


def until(**of: float) -> datetime:
    return datetime.now(UTC) + timedelta(**of)


def waits(rows: Rows, *ids: UUID, at: datetime | None = None, reason: str = "quiet hours") -> set[UUID]:
    at = at or until(hours=8)
    return rows.attempts().schedule([Scheduled(id_, Status.PENDING, reason=reason, until=at) for id_ in ids])


def test_it_waits_until_its_time_and_counts_as_no_attempt(rows: Rows) -> None:
    (id_,) = rows.pending()
    at = until(hours=8)

    assert waits(rows, id_, at=at) == {id_}

    row = rows.delivery(id_)
    assert (row["status"], row["next_attempt_at"], row["reason"]) == ("pending", at, "quiet hours")
    assert (row["attempt"], row["failures"]) == (0, 0)
    assert rows.one("SELECT kind, channel, due_at FROM due") == {"kind": SCHEDULED, "channel": "email", "due_at": at}
    (event,) = rows.all("SELECT status_from, status_to, reason FROM delivery_events")
    assert (event["status_from"], event["status_to"]) == ("pending", "pending")
    assert event["reason"] == f"waits until {at:%Y-%m-%d %H:%M:%S} UTC: quiet hours"
    assert rows.balanced()


def test_while_it_waits_nothing_loads_sends_decides_or_publishes_it(rows: Rows) -> None:
    (id_,) = rows.pending()
    waits(rows, id_)
    attempts = rows.attempts("another")

    assert attempts.load([id_]) == []
    assert attempts.begin(uuid.uuid4(), [Recipient(id_, "a@example.com")], 60).begun == []
    assert attempts.decide([Change(id_, Status.SKIPPED)]) == set()
    assert waits(rows, id_, at=until(hours=1)) == set()
    publications = Publications(rows.engine)
    assert publications.publish_due_retries(100) == 0
    rows.run("UPDATE publications SET due_at = now()")
    assert [each.waiting for each in publications.take_due("email", 10)] == [{}]


def test_when_its_time_has_come_it_is_published_once_and_loaded(rows: Rows) -> None:
    first, second = rows.pending(2)
    waits(rows, first, second)
    rows.run("DELETE FROM publications")
    rows.run("UPDATE due SET due_at = now() WHERE notification_id = :id", id=first)
    rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE notification_id = :id", id=first)
    publications = Publications(rows.engine)

    with ThreadPoolExecutor(4) as threads:
        relays = list(threads.map(lambda _: Publications(rows.engine).publish_due_retries(10), range(4)))

    assert sum(relays) == 1
    (found,) = publications.take_due("email", 10)
    assert found.waiting == {first: 0}
    assert [each.id for each in rows.attempts().load([first, second])] == [first]
    assert [row["notification_id"] for row in rows.all("SELECT * FROM due")] == [second]


def test_retries_do_not_hold_up_what_is_scheduled(rows: Rows) -> None:
    ids = rows.pending(4)
    rows.attempts().decide([Change(id_, Status.PENDING, delay=-60.0, reason="busy") for id_ in ids[:3]])
    waits(rows, ids[3])
    rows.run("UPDATE due SET due_at = now() WHERE kind = 'scheduled'")

    assert Publications(rows.engine).publish_due_retries(2) == 3
    assert {row["kind"] for row in rows.all("SELECT kind FROM due")} == {"retry"}


def test_a_time_that_is_over_is_a_second_away(rows: Rows) -> None:
    (id_,) = rows.pending()
    waits(rows, id_, at=until(days=-1))
    assert rows.delivery(id_)["next_attempt_at"] > datetime.now(UTC)


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.PENDING])
def test_only_what_is_pending_is_put_to_wait(rows: Rows, status: Status) -> None:
    id_ = rows.in_status(status)
    before = rows.delivery(id_)
    assert waits(rows, id_) == set()
    assert rows.delivery(id_) == before


def test_of_two_workers_one_puts_it_to_wait_or_begins_it(rows: Rows) -> None:
    for id_ in rows.pending(20):

        def begin(id_: UUID = id_) -> bool:
            return bool(rows.attempts("one").begin(uuid.uuid4(), [Recipient(id_, "a@example.com")], 60).begun)

        def wait(id_: UUID = id_) -> bool:
            return bool(waits(rows, id_))

        with ThreadPoolExecutor(2) as threads:
            began, waited = [each.result() for each in (threads.submit(begin), threads.submit(wait))]
        assert began is not waited
        assert rows.status(id_) is (Status.SENDING if began else Status.PENDING)


def test_an_operator_brings_it_forward(rows: Rows) -> None:
    first, retried, sent = rows.pending(3)
    waits(rows, first)
    rows.attempts().decide([Change(retried, Status.PENDING, delay=3600.0, reason="busy")])
    operations = Operations(rows.engine, actor="eva")

    assert sum(operations.bring_forward(Selection(channel="email"), "the sale ends", per_second=1_000)) == 1

    (due,) = rows.attempts().load([first, retried])
    assert (due.id, due.brought_forward, due.failures) == (first, True, 0)
    assert rows.delivery(first)["reason"] == "quiet hours"
    events = Report(rows.engine).events(first)
    assert (events[-1]["actor"], events[-1]["reason"]) == ("eva", "brought forward: the sale ends")
    assert [row["action"] for row in rows.all("SELECT action FROM operations")] == ["bring forward"]
    assert not list(operations.bring_forward(Selection(ids=[sent]), "why", per_second=1.0))
    assert rows.balanced()


def test_what_is_brought_forward_waits_again_like_the_others(rows: Rows) -> None:
    (id_,) = rows.pending()
    waits(rows, id_)
    operations = Operations(rows.engine, actor="eva")
    assert list(operations.bring_forward(Selection(ids=[id_]), "why", per_second=1_000)) == [1]
    assert waits(rows, id_) == {id_}
    assert rows.delivery(id_)["brought_forward"] is None


def test_bringing_forward_takes_time_and_never_makes_it_later(rows: Rows) -> None:
    ids = rows.pending(3)
    waits(rows, *ids, at=until(seconds=30))
    list(Operations(rows.engine, actor="eva").bring_forward(Selection(), "why", per_second=0.05))
    times = sorted(row["next_attempt_at"] for row in rows.all("SELECT next_attempt_at FROM deliveries"))
    assert times[1] - times[0] == pytest.approx(timedelta(seconds=20), abs=timedelta(seconds=1))
    assert times[2] < until(seconds=31)


def test_it_is_found_counted_and_cancelled(rows: Rows) -> None:
    first, second, other = rows.pending(3)
    waits(rows, first, second)
    search = Search(rows.engine)
    wanted = Selection(scheduled=True)

    found = search.page(wanted, [Status.PENDING])
    assert [row["notification_id"] for row in found.rows] == sorted((first, second), reverse=True)
    assert {row["waits_for"] for row in found.rows} == {SCHEDULED}
    assert search.count(wanted, [Status.PENDING]).number == 2
    assert read_gauges(rows.engine).due == {("email", SCHEDULED): 2}

    assert sum(Operations(rows.engine, actor="eva").cancel(wanted, "no sale")) == 2
    assert (rows.status(first), rows.status(second), rows.status(other)) == ("cancelled", "cancelled", "pending")
    assert rows.all("SELECT * FROM due") == []


def test_a_day_is_kept_while_one_of_its_deliveries_waits(rows: Rows) -> None:
    (id_,) = recorded(rows, OLD, 1, Status.PENDING)
    recorded(rows, OLD + 1, 1)
    waits(rows, id_)
    rows.run("DELETE FROM publications")

    settled(Retention(rows.engine, KEEP, rest=0.0))

    assert day(OLD) in partitions(rows)
    assert day(OLD + 1) not in partitions(rows)
    assert rows.status(id_) is Status.PENDING
