"""The rows of notifications that are built alone."""

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


def test_a_mark_is_seen_by_whoever_loads_it(rows: Rows, suspects: Suspects) -> None:
    marked, other = rows.pending(2)
    suspects.mark([marked])
    suspects.mark([marked])
    assert {each.id: each.suspect for each in rows.attempts().load([marked, other])} == {marked: True, other: False}


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.PENDING])
def test_what_is_not_pending_is_not_marked(rows: Rows, suspects: Suspects, status: Status) -> None:
    id_ = rows.in_status(status)
    suspects.mark([id_])
    assert rows.all("SELECT * FROM suspects") == []


def test_what_waits_for_its_time_is_not_marked(rows: Rows, suspects: Suspects) -> None:
    (id_,) = rows.pending()
    rows.run("UPDATE deliveries SET next_attempt_at = now() + interval '1 h'")
    suspects.mark([id_])
    assert rows.all("SELECT * FROM suspects") == []


def test_a_build_that_another_process_began_is_left_to_it_until_its_lease_is_over(
    rows: Rows, suspects: Suspects
) -> None:
    (id_,) = rows.pending()
    assert suspects.begin(id_, OTHER, 60.0) == 0
    assert suspects.begin(id_, ME, 60.0) is None
    rows.run("UPDATE suspects SET lease_until = now()")
    assert [suspects.begin(id_, ME, 60.0) for _ in range(3)] == [1, 1, 1]
    assert row(rows, id_) == {"deaths": 1, "begun_by": ME}


def test_what_a_process_began_itself_is_no_death_though_its_lease_is_over(rows: Rows, suspects: Suspects) -> None:
    (id_,) = rows.pending()
    assert [suspects.begin(id_, ME, 0.0) for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("deaths", [0, 1, 2])
def test_an_end_is_written_once(rows: Rows, suspects: Suspects, deaths: int) -> None:
    (id_,) = rows.pending()
    suspects.begin(id_, ME, 60.0)
    for _ in range(3):
        suspects.keep(ME, [SuspectBuild(id_, deaths, ended=True)], 60.0)
    assert row(rows, id_) == {"deaths": deaths, "begun_by": None}
    assert suspects.begin(id_, OTHER, 60.0) == deaths


def test_a_process_keeps_and_ends_its_own_builds_only(rows: Rows, suspects: Suspects) -> None:
    (id_,) = rows.pending()
    suspects.begin(id_, OTHER, 60.0)
    suspects.keep(ME, [SuspectBuild(id_, 5, ended=True)], 60.0)
    assert row(rows, id_) == {"deaths": 0, "begun_by": OTHER}


def test_a_lease_is_prolonged(rows: Rows, suspects: Suspects) -> None:
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


def test_what_nobody_clears_goes_after_a_week(rows: Rows, suspects: Suspects) -> None:
    old, other = rows.pending(2)
    suspects.mark([old])
    rows.run("UPDATE suspects SET begun_at = now() - interval '8 days'")
    suspects.clear([other])
    assert rows.all("SELECT * FROM suspects") == []


def test_processes_with_the_same_rows_do_not_wait_in_a_circle(rows: Rows, suspects: Suspects) -> None:
    ids = rows.pending(200)

    def turn(process: int) -> None:
        mine = ids if process % 2 else ids[::-1]
        for _ in range(10):
            suspects.mark(mine)
            suspects.begin(mine[0], uuid.UUID(int=process), 60.0)
            suspects.keep(uuid.UUID(int=process), [SuspectBuild(each, 0, ended=True) for each in mine], 60.0)
            suspects.clear(mine)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(turn, range(4)))  # raises what a thread raised
    assert len(rows.all("SELECT * FROM suspects")) == 200
