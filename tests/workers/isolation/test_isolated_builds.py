"""Who is charged with a death: workers and processes that end at each moment of a build alone."""

import threading
import uuid
from typing import Any

import pytest

from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change, DueNotification
from tests.waiting import wait_until
from tests.workers.isolation.scripted_process import (
    Process,
    Workers,
    away,
    crew,
    dies,
    goes_well,
    is_gone,
    release,
    waits_for,
    without_answer,
)
from tests.workers.test_deliverer import post
from workers.building.preparer import Prepared
from workers.decide import LeftPending
from workers.isolation import build_leases
from workers.isolation.child import BuildTimeout, NotPicklable
from workers.isolation.isolated_builds import PROCESSES

__all__ = ["crew", "post", "release"]

TIMEOUT = 5.0


class Builder(threading.Thread):
    """A worker that is in the middle of a build until `release` is set."""

    def __init__(self, crew: Workers, work: DueNotification, release: threading.Event, most: int = 3) -> None:
        super().__init__(daemon=True)
        self._began = threading.Event()
        self._work = work
        self.alone = crew.worker(most)
        crew.threads.append(self)
        self.result: Any = None

        def waits() -> None:
            self._began.set()
            release.wait(60)

        crew.script.append(waits)
        self.start()
        assert self._began.wait(30)

    def run(self) -> None:
        self.result = self.alone.build(self._work, TIMEOUT)


def test_workers_that_die_after_a_build_is_done_cost_it_nothing(crew: Workers) -> None:
    """What is built may wait for the rate for minutes."""
    work = crew.pending()
    for _ in range(5):
        assert isinstance(crew.worker().build(work, TIMEOUT), Prepared)
    assert crew.row(work.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


def test_a_worker_that_dies_in_the_middle_is_a_death_once_its_lease_is_over(crew: Workers) -> None:
    work = crew.pending()
    for deaths in (0, 1):
        assert crew.suspects.begin(work.id, uuid.uuid4(), 60.0) == deaths
        assert isinstance(crew.worker().build(work, TIMEOUT), LeftPending)
        crew.a_lease_ends()
    change = crew.worker().build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert change.to is Status.FAILED
    assert "3 times while building it (its last worker died before it could say how)" in str(change.reason)
    assert crew.builds == 0


def test_a_build_that_goes_on_elsewhere_is_no_death(crew: Workers, release: threading.Event) -> None:
    work = crew.pending()
    first = Builder(crew, work, release)
    for _ in range(4):
        change = crew.worker().build(work, TIMEOUT)
        assert isinstance(change, LeftPending)
        assert change.to is Status.PENDING
    release.set()
    first.join(30)
    assert isinstance(first.result, Prepared)
    assert crew.row(work.id)["deaths"] == 0
    assert isinstance(crew.worker().build(work, TIMEOUT), Prepared)


def test_a_worker_that_lives_keeps_its_lease(
    crew: Workers, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    work = crew.pending()
    Builder(crew, work, release)
    first = crew.row(work.id)["lease_until"]
    wait_until(lambda: crew.row(work.id)["lease_until"] > first)


def test_processes_that_die_of_it_are_counted_and_in_the_end_it_fails(crew: Workers) -> None:
    work = crew.pending()
    crew.script += [dies, goes_well]
    assert isinstance(crew.worker().build(work, TIMEOUT), Prepared)
    assert crew.row(work.id)["deaths"] == 1
    crew.script += [dies]
    change = crew.worker().build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.FAILED, True)
    assert "its worker died 3 times while building it (killed by SIGKILL)" in str(change.reason)


@pytest.mark.parametrize("most", [2, 3, 5])
def test_it_fails_after_as_many_deaths_as_the_setting_says(crew: Workers, most: int) -> None:
    work = crew.pending()
    crew.script += [dies] * most
    change = crew.worker(most).build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert change.to is Status.FAILED
    assert crew.builds == most - 1


def test_an_idle_process_that_has_ended_is_no_death(crew: Workers) -> None:
    work, alone = crew.pending(), crew.worker()
    for _ in range(3):
        assert isinstance(alone.build(work, TIMEOUT), Prepared)
        for process in crew.processes:
            process.kill()
    assert len(crew.processes) == 3
    assert crew.row(work.id)["deaths"] == 0


def test_a_process_that_ends_before_it_begins_is_no_death(crew: Workers) -> None:
    work, alone = crew.pending(), crew.worker()
    crew.script += [is_gone, is_gone]
    assert isinstance(alone.build(work, TIMEOUT), Prepared)
    crew.script += [is_gone] * 3
    change = alone.build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, False)
    assert not any(process.is_running for process in crew.processes if process.builds == 0)
    assert crew.row(work.id)["deaths"] == 0


@pytest.mark.parametrize("most", [2, 3])
def test_stops_in_the_middle_of_a_build_are_no_deaths(crew: Workers, release: threading.Event, most: int) -> None:
    work = crew.pending()
    for _ in range(4):
        builder = Builder(crew, work, release, most)
        builder.alone.leave()
        assert crew.row(work.id) == {"deaths": 0, "begun_by": None, "lease_until": None}
    assert isinstance(crew.worker(most).build(work, TIMEOUT), Prepared)
    crew.a_lease_ends()
    assert isinstance(crew.worker(most).build(work, TIMEOUT), Prepared)


def test_nothing_begins_once_its_process_is_left(crew: Workers) -> None:
    work, alone = crew.pending(), crew.worker()
    alone.leave()
    with pytest.raises(Unreachable, match="this worker ends"):
        alone.build(work, TIMEOUT)
    assert not crew.is_suspect(work.id)


def test_a_stop_that_comes_while_a_build_begins_leaves_no_lease(
    crew: Workers, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "_LEAVE_SECONDS", 0.05)
    work, alone = crew.pending(), crew.worker()
    begin, asked = crew.suspects.begin, threading.Event()

    def slow(*arguments: Any) -> int | None:
        asked.set()
        release.wait(60)
        return begin(*arguments)

    crew.suspects.begin = slow  # type: ignore[method-assign]
    raised: list[BaseException] = []

    def build() -> None:
        try:
            alone.build(work, TIMEOUT)
        except Unreachable as error:
            raised.append(error)

    thread = threading.Thread(target=build, daemon=True)
    thread.start()
    assert asked.wait(30)
    alone.leave()
    release.set()
    thread.join(30)
    assert raised
    assert crew.row(work.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


@pytest.mark.parametrize("statement", ["begin", "keep", "clear"])
def test_an_answer_that_is_lost_is_no_death(crew: Workers, statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    work, alone = crew.pending(), crew.worker(2)
    setattr(crew.suspects, statement, without_answer(getattr(crew.suspects, statement)))
    for _ in range(3):
        assert isinstance(alone.build(work, TIMEOUT), Prepared)
        alone.ended([work.id])
    wait_until(lambda: crew.row(work.id)["begun_by"] is None)
    crew.a_lease_ends()
    assert isinstance(crew.worker(2).build(work, TIMEOUT), Prepared)
    assert crew.row(work.id)["deaths"] == 0


def test_a_database_that_goes_away_costs_no_process_and_no_death(
    crew: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    work, alone = crew.pending(), crew.worker(2)
    begin = crew.suspects.begin
    for failing in (away, without_answer(begin, times=100)):
        crew.suspects.begin = failing  # type: ignore[method-assign]
        for _ in range(PROCESSES + 1):
            with pytest.raises(Unreachable):
                alone.build(work, TIMEOUT)
    crew.suspects.begin = begin  # type: ignore[method-assign]
    wait_until(lambda: crew.row(work.id)["begun_by"] is None)  # what may have begun is written as ended
    assert isinstance(crew.worker(2).build(work, TIMEOUT), Prepared)
    assert isinstance(alone.build(work, TIMEOUT), Prepared)
    assert crew.row(work.id)["deaths"] == 0


def test_an_end_that_the_database_does_not_take_is_written_later(
    crew: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    work, alone = crew.pending(), crew.worker()
    keep, crew.suspects.keep = crew.suspects.keep, away  # type: ignore[method-assign]
    crew.script += [dies]
    assert isinstance(alone.build(work, TIMEOUT), Prepared)  # after the one death
    assert crew.row(work.id)["begun_by"] is not None
    crew.suspects.keep = keep  # type: ignore[method-assign]
    wait_until(lambda: crew.row(work.id) == {"deaths": 1, "begun_by": None, "lease_until": None})


def test_where_no_process_comes_up_the_worker_builds_it_and_its_death_would_count(crew: Workers) -> None:
    work, alone = crew.pending(), crew.worker()
    crew.starts += [_fails] * 10
    seen = []
    prepare = crew.preparer.prepare

    def looks(work: DueNotification) -> Prepared | Change:
        seen.append(crew.row(work.id)["begun_by"])
        return prepare(work)

    crew.preparer.prepare = looks  # type: ignore[method-assign]
    assert isinstance(alone.build(work, TIMEOUT), Prepared)
    assert isinstance(alone.build(work, TIMEOUT), Prepared)
    assert len(crew.starts) > 5  # it does not try for each
    assert len(seen) == 2
    assert None not in seen
    assert crew.row(work.id)["begun_by"] is None


def _fails() -> None:
    raise OSError(12, "Cannot allocate memory")


def test_one_start_that_fails_is_tried_again(crew: Workers) -> None:
    work = crew.pending()
    crew.starts += [_fails]
    assert isinstance(crew.worker().build(work, TIMEOUT), Prepared)
    assert crew.builds == 1


def test_what_gets_no_process_waits_and_has_not_failed(crew: Workers, release: threading.Event) -> None:
    alone = crew.worker()
    hanging = [crew.pending() for _ in range(PROCESSES)]
    crew.script += [waits_for(release)] * PROCESSES
    threads = [threading.Thread(target=alone.build, args=(each, TIMEOUT), daemon=True) for each in hanging]
    for thread in threads:
        thread.start()
    wait_until(lambda: crew.builds == PROCESSES, 30)
    alone._processes._timeout = 0.2
    work = crew.pending()
    change = alone.build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, False)
    assert not isinstance(change, LeftPending)  # its row says when it is published again
    assert not crew.is_suspect(work.id)
    release.set()
    for thread in threads:
        thread.join(30)
    alone._processes._timeout = 30.0
    assert isinstance(alone.build(work, TIMEOUT), Prepared)


def test_what_cannot_be_handed_over_is_built_in_the_worker(crew: Workers) -> None:
    work = crew.pending()

    def cannot() -> None:
        raise NotPicklable

    crew.script += [cannot]
    assert isinstance(crew.worker().build(work, TIMEOUT), Prepared)
    assert [process.is_running for process in crew.processes] == [True]


def test_a_build_that_takes_too_long_is_a_failure_and_no_death(crew: Workers) -> None:
    work = crew.pending()

    def hangs() -> None:
        raise BuildTimeout

    crew.script += [hangs]
    change = crew.worker().build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, True)
    assert [process.is_running for process in crew.processes] == [False]
    assert crew.row(work.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


def test_an_error_that_nobody_foresaw_leaves_no_process_in_the_middle(crew: Workers) -> None:
    work, alone = crew.pending(), crew.worker()
    crew.script += [lambda: 1 / 0] * (PROCESSES + 1)  # type: ignore[list-item, return-value]
    for _ in range(PROCESSES + 1):
        with pytest.raises(ZeroDivisionError):
            alone.build(work, TIMEOUT)
    assert not any(process.is_running for process in crew.processes)
    assert isinstance(alone.build(work, TIMEOUT), Prepared)


def test_threads_share_processes_and_start_no_more_than_they_need(crew: Workers) -> None:
    alone, works = crew.worker(), [crew.pending() for _ in range(5)]
    for work in works:
        assert isinstance(alone.build(work, TIMEOUT), Prepared)
    assert len(crew.processes) == 1


def test_idle_processes_are_ended(crew: Workers) -> None:
    alone = crew.worker()
    alone.build(crew.pending(), TIMEOUT)
    alone._processes._close_idle(60.0)
    assert [each.is_running for each in crew.processes] == [True]
    alone._processes._close_idle(0.0)
    assert [each.is_running for each in crew.processes] == [False]
    assert isinstance(alone.build(crew.pending(), TIMEOUT), Prepared)
    assert isinstance(crew.processes[-1], Process)
