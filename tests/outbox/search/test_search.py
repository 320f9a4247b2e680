"""Searches find what they are for, whole, in pages of both directions, and end for lack of time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notifier.notifications import Status
from notifier.outbox import Count, Operations, Retention, Search, Selection
from notifier.outbox.search import steps as module
from tests.outbox.history.history import at, settled
from tests.outbox.rows import Rows
from tests.outbox.search.items import record_of, recorded, sent


@pytest.fixture
def search(rows: Rows) -> Search:
    return Search(rows.engine, budget=None)


def ids(search: Search, selection: Selection, *statuses: str) -> list[UUID]:
    return [row["notification_id"] for row in search.page(selection, statuses).rows]


def test_each_part_of_a_selection_selects(rows: Rows, search: Search) -> None:
    (ana,) = sent(rows, recorded(rows, [record_of("user#1", "a")], route="welcome"), "ana@example.com")
    (bo,) = sent(
        rows,
        recorded(rows, [record_of("user#2", "b")], table="orders"),
        "bo@example.com",
        Status.FAILED,
        "no such box",
    )

    assert ids(search, Selection()) == [bo, ana]
    assert ids(search, Selection(recipients=["ana@example.com", "ANA@example.com"])) == [ana]
    assert ids(search, Selection(keys=["user#2"])) == [bo]
    assert ids(search, Selection(keys=["b", "user#2"])) == [bo]
    assert ids(search, Selection(keys=["user#1", "b"])) == []
    assert ids(search, Selection(route="welcome")) == [ana]
    assert ids(search, Selection(table="orders")) == [bo]
    assert ids(search, Selection(because="such")) == [bo]
    assert ids(search, Selection(), Status.FAILED, Status.BOUNCED) == [bo]
    assert ids(search, Selection(ids=[ana]), Status.FAILED) == []
    assert ids(search, Selection(channel="sms")) == []


def test_a_key_is_no_other_attribute_and_no_part_of_a_value(rows: Rows, search: Search) -> None:
    recorded(rows, [record_of("user#1", friend="user#2"), record_of("user#23"), b'{"n":"user#2"}', b'\xff"user#2"'])
    with_nul = recorded(rows, [record_of('ü "quoted" \\', "\0"), record_of('ü "quoted" \\', nul="\0")])

    assert ids(search, Selection(keys=["user#2"])) == []
    assert ids(search, Selection(keys=['ü "quoted" \\'])) == with_nul[::-1]


def test_pages_lead_to_the_oldest_and_back(rows: Rows, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STEPS", (3, 3))
    old = recorded(rows, [b"{}"] * 7, at=at(2))
    new = recorded(rows, [b"{}"] * 4)
    everything = [*reversed(new), *reversed(old)]

    seen: list[list[UUID]] = []
    page = search.page(Selection(), limit=4)
    while True:
        seen.append([row["notification_id"] for row in page.rows])
        if page.older is None:
            break
        page = search.page(Selection(), limit=4, older_than=page.older)
    assert [each for some in seen for each in some] == everything
    assert [len(some) for some in seen] == [4, 4, 3]

    back = search.page(Selection(), limit=4, newer_than=seen[2][0])
    assert [row["notification_id"] for row in back.rows] == seen[1]
    assert back.newer == seen[1][0]
    first = search.page(Selection(), limit=4, newer_than=back.newer)
    assert ([row["notification_id"] for row in first.rows], first.newer) == (seen[0], None)


def test_a_search_ends_for_lack_of_time_and_goes_on(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STEPS", (2, 2))
    (wanted,) = sent(rows, recorded(rows, [b"{}"], at=at(1)), "ana@example.com")
    recorded(rows, [b"{}"] * 5)
    hasty, selection = Search(rows.engine, budget=0.0), Selection(recipients=["ana@example.com"])

    assert hasty.count(selection) == Count(0, complete=False)
    page, tries = hasty.page(selection), 1
    while not page.rows:
        assert not page.complete
        assert page.older is not None
        page, tries = hasty.page(selection, older_than=page.older), tries + 1
    assert [row["notification_id"] for row in page.rows] == [wanted]
    assert tries > 2


def test_times_bound_a_search(rows: Rows, search: Search) -> None:
    (old,) = recorded(rows, [b"{}"], at=at(3))
    (young,) = recorded(rows, [b"{}"])
    noon = datetime.fromtimestamp(at(3) / 1000, UTC)

    assert ids(search, Selection(until=noon + timedelta(seconds=1))) == [old]
    assert ids(search, Selection(until=noon)) == []
    assert ids(search, Selection(since=noon)) == [young, old]
    assert ids(search, Selection(since=noon + timedelta(seconds=1))) == [young]


def test_counts_are_bounded(rows: Rows, search: Search) -> None:
    recorded(rows, [b"{}"] * 5)
    assert [str(search.count(Selection(), most=most)) for most in (4, 5, 6)] == ["more than 4", "5", "5"]
    assert str(Count(1_234, complete=False)) == "at least 1,234"


def test_failures_are_grouped_by_route_and_reason(rows: Rows, search: Search) -> None:
    for number in range(3):
        sent(rows, recorded(rows, [b"{}"]), "a@example.com", Status.FAILED, f"timeout after {number}.5 s")
    sent(rows, recorded(rows, [b"{}"], route="other"), "a@example.com", Status.FAILED, "timeout after 9 s")

    found = search.failures(Selection())
    first, second = found.groups
    assert (found.number, found.complete) == (4, True)
    assert not search.failures(Selection(), most=2).complete
    assert (first.route, first.failures, first.reason, first.because) == (
        "a_route", 3, "timeout after 2.5 s", "timeout after ",
    )  # fmt: skip
    assert (second.route, second.failures) == ("other", 1)
    chosen = Selection(route=first.route, because=first.because)
    assert Operations(rows.engine, actor="eva").count(chosen, Status.FAILED) == 3


def test_operations_take_the_same_selection(rows: Rows) -> None:
    (ana,) = sent(rows, recorded(rows, [record_of("user#1")]), "ana@example.com", Status.FAILED, "full")
    (bo,) = sent(rows, recorded(rows, [record_of("user#2")]), "bo@example.com", Status.FAILED, "full")
    (waiting,) = recorded(rows, [record_of("user#1")])
    operations = Operations(rows.engine, actor="eva")

    assert operations.count(Selection(recipients=["ana@example.com"]), Status.FAILED) == 1
    assert list(operations.cancel(Selection(keys=["user#1"]), "why")) == [1]
    assert list(operations.redrive(Selection(recipients=["ana@example.com"]), "why", per_second=1)) == [1]
    assert list(operations.redrive(Selection(recipients=["cleo@example.com"]), "why", per_second=1)) == []
    assert list(operations.redrive(Selection(table="orders"), "why", per_second=1)) == []
    assert [rows.status(each) for each in (ana, bo, waiting)] == [Status.PENDING, Status.FAILED, Status.CANCELLED]
    scopes = [row["scope"] for row in rows.all("SELECT scope FROM operations ORDER BY id")]
    assert scopes[0] == "key=(one) → cancelled"
    assert not any("ana@" in scope or "user#" in scope for scope in scopes)


def test_counted_days_that_hold_nothing_of_it_are_not_read(rows: Rows, retention: Retention, search: Search) -> None:
    sent(rows, recorded(rows, [b"{}"], at=at(9)), "a@example.com")
    settled(retention)
    rows.run("UPDATE day_counts SET channel = 'sms'")

    assert ids(search, Selection(), Status.FAILED) == []
    assert ids(search, Selection(channel="email")) == []
    assert len(ids(search, Selection())) == 1


def test_what_can_be_redriven_is_counted_with_what_may_have_been_accepted(rows: Rows) -> None:
    refused, given_up, other = recorded(rows, [b"{}"] * 3)
    sent(rows, [refused, given_up, other], "ana@example.com", Status.UNKNOWN)
    operations = Operations(rows.engine, actor="eva")
    for id_ in (refused, given_up):
        assert operations.resolve(id_, Status.FAILED, "no answer")
    rows.run("UPDATE delivery_events SET begun_at = now() WHERE notification_id = :id", id=refused)  # refused later

    search = Search(rows.engine, budget=None)
    assert search.redrivable(Selection()) == (Count(2), Count(1))
    assert search.redrivable(Selection(recipients=["bo@example.com"])) == (Count(0), Count(0))
    assert search.redrivable(Selection(), most=1) == (Count(1, more=True), Count(1, complete=False))
