"""Days that are over are searched by terms, which are listed beside their rows and kept up to date."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import event, text

from notifier.notifications import Status
from notifier.outbox import Operations, Retention, Search, Selection
from notifier.outbox.history import listing
from notifier.outbox.history.calendar import read_days
from tests.outbox.history.history import OLD, at, day, settled
from tests.outbox.rows import Rows
from tests.outbox.search.items import record_of, recorded, sent

ANA, BO = Selection(recipients=["ana@example.com"]), Selection(recipients=["bo@example.com"])


@pytest.fixture
def search(rows: Rows) -> Search:
    return Search(rows.engine, budget=None)


@pytest.fixture
def looked_up(rows: Rows) -> Iterator[list[str]]:
    """The statements that look terms up, and those that read days."""
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        seen.extend(name for name in ("FROM search_terms", "edge.last") if name in statement)

    event.listen(rows.engine, "before_cursor_execute", note)
    yield seen
    event.remove(rows.engine, "before_cursor_execute", note)


def ids(search: Search, selection: Selection, *statuses: str) -> list[UUID]:
    return [row["notification_id"] for row in search.page(selection, statuses).rows]


def listed_days(rows: Rows) -> list[bool]:
    with rows.engine.connect() as connection:
        return [each.listed for each in read_days(connection)]


def test_listed_days_are_looked_up_and_today_is_read(
    rows: Rows, retention: Retention, search: Search, looked_up: list[str]
) -> None:
    (old,) = sent(rows, recorded(rows, [record_of("user#1", "a")], at=at(3)), "ana@example.com")
    (older,) = sent(
        rows, recorded(rows, [record_of("user#2", "a")], at=at(5)), "ana@example.com", Status.FAILED, "no"
    )
    settled(retention)
    (young,) = sent(rows, recorded(rows, [record_of("user#1", "b")]), "ana@example.com")
    sent(rows, recorded(rows, [record_of("user#3", "c")] * 3), "bo@example.com")

    assert listed_days(rows) == [True, True, False]
    looked_up.clear()
    assert ids(search, ANA) == [young, old, older]
    assert looked_up == ["edge.last", "FROM search_terms", "edge.last"]  # today, terms, what they name
    assert ids(search, Selection(keys=["user#1"])) == [young, old]
    assert ids(search, Selection(keys=["a", "user#2"])) == [older]
    assert ids(search, Selection(), Status.FAILED) == [older]
    assert ids(search, ANA, Status.SENT) == [young, old]


def test_pages_of_listed_days(rows: Rows, retention: Retention, search: Search) -> None:
    for ago in (6, 4, 3):
        sent(rows, recorded(rows, [b"{}"] * 3, at=at(ago)), "ana@example.com")
    settled(retention)
    everything = ids(search, ANA)

    first = search.page(ANA, limit=4)
    second = search.page(ANA, limit=4, older_than=first.older)
    third = search.page(ANA, limit=4, older_than=second.older)
    pages = [[row["notification_id"] for row in each.rows] for each in (first, second, third)]
    assert ([len(each) for each in pages], [id_ for page in pages for id_ in page]) == ([4, 4, 1], everything)
    assert third.older is None
    back = search.page(ANA, limit=4, newer_than=second.newer and pages[2][0])
    assert [row["notification_id"] for row in back.rows] == pages[1]
    assert str(search.count(ANA, most=8)) == "more than 8"


def test_what_changes_after_a_day_is_listed_is_found(rows: Rows, retention: Retention, search: Search) -> None:
    (id_,) = sent(rows, recorded(rows, [record_of("user#1")], at=at(3)), "ana@example.com", Status.FAILED, "no")
    settled(retention)
    list(Operations(rows.engine, actor="eva").redrive(Selection(ids=[id_]), "why", per_second=1_000))
    sent(rows, [id_], "bo@example.com")
    (late,) = recorded(rows, [record_of("user#9")], at=at(3) + 60_000)

    assert ids(search, ANA) == ids(search, BO) == [id_], "both were tried"
    assert ids(search, Selection(), Status.FAILED) == []
    assert ids(search, Selection(keys=["user#9"])) == ids(search, Selection(), Status.PENDING) == [late]


def test_a_part_that_is_lost_is_listed_again(
    rows: Rows, retention: Retention, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PART", 2)
    made = sent(rows, recorded(rows, [b"{}"] * 7, at=at(3)), "ana@example.com")
    with rows.engine.connect() as connection:
        assert listing.list_a_part(connection)  # sets the triggers
        connection.commit()
        assert listing.list_a_part(connection)
        connection.commit()
        assert listing.list_a_part(connection)
        connection.rollback()  # killed
    assert listed_days(rows) == [False]
    assert ids(search, ANA) == made[::-1]
    settled(retention)
    assert listed_days(rows) == [True]
    assert ids(search, ANA) == made[::-1]


def test_listing_blocks_no_session_and_waits_for_none(rows: Rows, retention: Retention) -> None:
    made = sent(rows, recorded(rows, [b"{}"] * 3, at=at(3)), "ana@example.com")
    change = text("UPDATE deliveries SET status = 'delivered' WHERE notification_id = :id")
    with rows.engine.connect() as writer, rows.engine.connect() as lister:
        writer.execute(change, {"id": made[0]})
        assert not listing.list_a_part(lister)  # its triggers have to wait for that writer, and it does not
        lister.rollback()
        writer.commit()
        assert listing.list_a_part(lister)
        lister.commit()
        assert listing.list_a_part(lister)  # lists rows, and does not commit yet
        writer.execute(text("SET LOCAL lock_timeout = '1ms'"))
        writer.execute(change, {"id": made[1]})
        writer.commit()
        with rows.engine.connect() as other:
            assert not listing.list_a_part(other)  # one process at a time
        lister.commit()
    settled(retention)
    assert listed_days(rows) == [True]


def test_a_day_that_is_dropped_is_unlisted_and_may_come_again(
    rows: Rows, retention: Retention, search: Search
) -> None:
    sent(rows, recorded(rows, [b"{}"], at=at(OLD)), "ana@example.com")
    settled(retention)
    suffix = f"{day(OLD):%Y%m%d}"
    assert rows.one(f"SELECT to_regclass('search_terms_{suffix}') AS found")["found"] is None
    assert rows.all("SELECT * FROM search_days") == []
    (again,) = sent(rows, recorded(rows, [b"{}"], at=at(OLD)), "ana@example.com")

    assert ids(search, ANA) == [again]


def test_terms_of_a_day_that_comes_again_are_not_dropped(rows: Rows, retention: Retention, search: Search) -> None:
    recorded(rows, [b"{}"], at=at(3))
    settled(retention)
    suffix = f"{day(3):%Y%m%d}"
    for table in ("notifications", "deliveries"):
        rows.run(f"DROP TABLE {table}_{suffix}")
    with rows.engine.connect() as lister, rows.engine.connect() as other:
        for table in ("notifications", "deliveries"):
            lister.execute(text(f"SELECT make_partition('{table}', '{day(3)}')"))
        lister.execute(text(f"SELECT index_day('{day(3)}', 10)"))  # sees the table of terms, and makes none
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        assert not other.execute(text(f"SELECT unlist_day('{day(3)}')")).scalar_one()
        other.commit()
        lister.commit()
    (again,) = sent(rows, recorded(rows, [b"{}"], at=at(3)), "ana@example.com")
    assert ids(search, ANA) == [again]


def test_the_hot_day_has_no_trigger(rows: Rows, retention: Retention) -> None:
    recorded(rows, [b"{}"])
    settled(retention)
    with rows.engine.begin() as connection, pytest.raises(Exception, match="is not over"):
        connection.execute(text("SELECT index_day((now() AT TIME ZONE 'UTC')::date, 1)"))
    assert rows.all("SELECT * FROM pg_trigger WHERE tgname IN ('note_terms', 'note_keys')") == []
