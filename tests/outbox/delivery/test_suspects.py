"""Suspects: the rows of notifications that are built alone."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from notifier.notifications import Status
from notifier.outbox import SuspectBuild, Suspects
from tests.outbox.rows import Rows

ME, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def suspects(rows: Rows) -> Suspects:
    return Suspects(rows.engine)


def row(rows: Rows, id_: uuid.UUID) -> dict[str, Any]:
    return rows.one("SELECT deaths, begun_by FROM suspects WHERE notification_id = :id", id=id_)


def test_a_marked_notification_is_loaded_as_a_suspect(rows: Rows, suspects: Suspects) -> None:
    marked, other = rows.pending(2)
    suspects.mark([marked])
    suspects.mark([marked])
    assert {each.id: each.suspect for each in rows.attempts().load([marked, other])} == {marked: True, other: False}


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.PENDING])
def test_only_pending_deliveries_are_marked(rows: Rows, suspects: Suspects, status: Status) -> None:
    id_ = rows.in_status(status)
    suspects.mark([id_])
    assert rows.all("SELECT * FROM suspects") == []


def test_a_delivery_that_is_not_due_is_not_marked(rows: Rows, suspects: Suspects) -> None:
    (id_,) = rows.pending()
    rows.run("UPDATE deliveries SET next_attempt_at = now() + interval '1 h'")
    suspects.mark([id_])
    assert rows.all("SELECT * FROM suspects") == []


def test_a_build_of_another_process_is_taken_over_when_its_lease_has_ended(rows: Rows, suspects: Suspects) -> None:
    (id_,) = rows.pending()
    assert suspects.begin(id_, OTHER, 60.0) == 0
    assert suspects.begin(id_, ME, 60.0) is None
    rows.run("UPDATE suspects SET lease_until = now()")
    assert [suspects.begin(id_, ME, 60.0) for _ in range(3)] == [1, 1, 1]
    assert row(rows, id_) == {"deaths": 1, "begun_by": ME}


def test_a_process_that_begins_its_own_build_again_adds_no_death(rows: Rows, suspects: Suspects) -> None:
    (id_,) = rows.pending()
    assert [suspects.begin(id_, ME, 0.0) for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("deaths", [0, 1, 2])
def test_the_end_of_a_build_may_be_written_again(rows: Rows, suspects: Suspects, deaths: int) -> None:
    (id_,) = rows.pending()
    suspects.begin(id_, ME, 60.0)
    for _ in range(3):
        suspects.keep(ME, [SuspectBuild(id_, deaths, ended=True)], 60.0)
    assert row(rows, id_) == {"deaths": deaths, "begun_by": None}
    assert suspects.begin(id_, OTHER, 60.0) == deaths


def test_a_process_changes_only_its_own_builds(rows: Rows, suspects: Suspects) -> None:
    (id_,) = rows.pending()
    suspects.begin(id_, OTHER, 60.0)
    suspects.keep(ME, [SuspectBuild(id_, 5, ended=True)], 60.0)
    assert row(rows, id_) == {"deaths": 0, "begun_by": OTHER}


def test_keep_prolongs_the_lease(rows: Rows, suspects: Suspects) -> None:
    (id_,) = rows.pending()
    suspects.begin(id_, ME, 0.0)
    suspects.keep(ME, [SuspectBuild(id_, 0, ended=False)], 60.0)
    assert suspects.begin(id_, OTHER, 60.0) is None


@pytest.mark.parametrize("status", list(Status))
def test_a_suspect_is_one_until_its_delivery_is_final(rows: Rows, suspects: Suspects, status: Status) -> None:
    id_ = rows.in_status(status)
    rows.run("INSERT INTO suspects (notification_id) VALUES (:id)", id=id_)
    suspects.clear([id_])
    kept = status in {Status.PENDING, Status.SENDING, Status.UNKNOWN}
    assert bool(rows.all("SELECT * FROM suspects")) == kept


def test_rows_older_than_a_week_are_deleted(rows: Rows, suspects: Suspects) -> None:
    old, other = rows.pending(2)
    suspects.mark([old])
    rows.run("UPDATE suspects SET begun_at = now() - interval '8 days'")
    suspects.clear([other])
    assert rows.all("SELECT * FROM suspects") == []


def test_processes_with_the_same_rows_do_not_deadlock(rows: Rows, suspects: Suspects) -> None:
    ids = rows.pending(200)

    def turn(process: int) -> None:
        mine = ids if process % 2 else ids[::-1]
        for _ in range(10):
            suspects.mark(mine)
            suspects.begin(mine[0], uuid.UUID(int=process), 60.0)
            suspects.keep(uuid.UUID(int=process), [SuspectBuild(each, 0, ended=True) for each in mine], 60.0)
            suspects.clear(mine)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(turn, range(4)))  # raises the error of a thread
    assert len(rows.all("SELECT * FROM suspects")) == 200
