"""Which notification a death counts for, if workers and processes end at each moment of an isolated build."""

import threading
import uuid
from typing import Any

import pytest

from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change, DueNotification
from tests.no_threads import NoThreads
from tests.waiting import wait_until
from tests.workers.isolation.scripted_process import (
    IsolatingWorkers,
    Process,
    away,
    dies,
    ends_before_it_begins,
    goes_well,
    isolating,
    unblock,
    waits_for,
    without_answer,
)
from tests.workers.test_deliverer import env
from workers.building.preparer import Prepared
from workers.decide import LeftPending
from workers.isolation import build_leases, pool
from workers.isolation.child import BuildTimeout, NotPicklable
from workers.isolation.isolated_builds import PROCESSES

__all__ = ["env", "isolating", "unblock"]

TIMEOUT = 5.0


class BuildingThread(threading.Thread):
    """A worker that builds until `unblock` is set."""

    def __init__(
        self, isolating: IsolatingWorkers, due: DueNotification, unblock: threading.Event, most: int = 3
    ) -> None:
        super().__init__(daemon=True)
        self._began = threading.Event()
        self._due = due
        self.isolated = isolating.worker(most)
        isolating.threads.append(self)
        self.result: Any = None

        def waits() -> None:
            self._began.set()
            unblock.wait(60)

        isolating.script.append(waits)
        self.start()
        assert self._began.wait(30)

    def run(self) -> None:
        self.result = self.isolated.build(self._due, TIMEOUT)


def test_workers_that_die_after_a_build_is_done_cost_it_nothing(isolating: IsolatingWorkers) -> None:
    """A built notification may wait for the rate for minutes."""
    due = isolating.pending()
    for _ in range(5):
        assert isinstance(isolating.worker().build(due, TIMEOUT), Prepared)
    assert isolating.row(due.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


def test_a_worker_that_dies_in_the_middle_is_a_death_once_its_lease_is_over(isolating: IsolatingWorkers) -> None:
    due = isolating.pending()
    for deaths in (0, 1):
        assert isolating.suspects.begin(due.id, uuid.uuid4(), 60.0) == deaths
        assert isinstance(isolating.worker().build(due, TIMEOUT), LeftPending)
        isolating.end_leases()
    change = isolating.worker().build(due, TIMEOUT)
    assert isinstance(change, Change)
    assert change.to is Status.FAILED
    assert "3 times while building it (its last worker died without a known cause)" in str(change.reason)
    assert isolating.builds == 0


def test_a_build_in_another_worker_is_no_death(isolating: IsolatingWorkers, unblock: threading.Event) -> None:
    due = isolating.pending()
    first = BuildingThread(isolating, due, unblock)
    for _ in range(4):
        change = isolating.worker().build(due, TIMEOUT)
        assert isinstance(change, LeftPending)
        assert change.to is Status.PENDING
    unblock.set()
    first.join(30)
    assert isinstance(first.result, Prepared)
    assert isolating.row(due.id)["deaths"] == 0
    assert isinstance(isolating.worker().build(due, TIMEOUT), Prepared)


def test_a_worker_that_lives_keeps_its_lease(
    isolating: IsolatingWorkers, unblock: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    due = isolating.pending()
    BuildingThread(isolating, due, unblock)
    first = isolating.row(due.id)["lease_until"]
    wait_until(lambda: isolating.row(due.id)["lease_until"] > first)


def test_a_lease_is_kept_once_a_thread_can_be_started_for_it(
    isolating: IsolatingWorkers, unblock: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    due, no_timers = isolating.pending(), NoThreads(threading.Timer)
    with no_timers.in_force():
        building = BuildingThread(isolating, due, unblock)
    assert no_timers.refused
    first = isolating.row(due.id)["lease_until"]
    assert isinstance(building.isolated.build(isolating.pending(), TIMEOUT), Prepared)
    wait_until(lambda: isolating.row(due.id)["lease_until"] > first)


def test_a_lease_is_kept_while_no_other_thread_can_be_started(
    isolating: IsolatingWorkers, unblock: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    due = isolating.pending()
    BuildingThread(isolating, due, unblock)
    with NoThreads().in_force():
        for _ in range(3):
            last = isolating.row(due.id)["lease_until"]
            wait_until(lambda last=last: isolating.row(due.id)["lease_until"] > last)  # type: ignore[misc]


def test_idle_processes_end_though_no_thread_could_be_started_for_that_before(
    isolating: IsolatingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    due, isolated, no_timers = isolating.pending(), isolating.worker(), NoThreads(threading.Timer)
    with no_timers.in_force():
        assert isinstance(isolated.build(due, TIMEOUT), Prepared)
    assert no_timers.refused
    assert isinstance(isolated.build(due, TIMEOUT), Prepared)
    wait_until(lambda: not any(process.is_running for process in isolating.processes))


def test_processes_that_die_of_it_are_counted_and_in_the_end_it_fails(isolating: IsolatingWorkers) -> None:
    due = isolating.pending()
    isolating.script += [dies, goes_well]
    assert isinstance(isolating.worker().build(due, TIMEOUT), Prepared)
    assert isolating.row(due.id)["deaths"] == 1
    isolating.script += [dies]
    change = isolating.worker().build(due, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.FAILED, True)
    assert "its worker died 3 times while building it (killed by SIGKILL)" in str(change.reason)


@pytest.mark.parametrize("most", [2, 3, 5])
def test_it_fails_after_as_many_deaths_as_the_setting_says(isolating: IsolatingWorkers, most: int) -> None:
    due = isolating.pending()
    isolating.script += [dies] * most
    change = isolating.worker(most).build(due, TIMEOUT)
    assert isinstance(change, Change)
    assert change.to is Status.FAILED
    assert isolating.builds == most - 1


def test_an_idle_process_that_has_ended_is_no_death(isolating: IsolatingWorkers) -> None:
    due, isolated = isolating.pending(), isolating.worker()
    for _ in range(3):
        assert isinstance(isolated.build(due, TIMEOUT), Prepared)
        for process in isolating.processes:
            process.kill()
    assert len(isolating.processes) == 3
    assert isolating.row(due.id)["deaths"] == 0


def test_a_process_that_ends_before_it_begins_is_no_death(isolating: IsolatingWorkers) -> None:
    due, isolated = isolating.pending(), isolating.worker()
    isolating.script += [ends_before_it_begins, ends_before_it_begins]
    assert isinstance(isolated.build(due, TIMEOUT), Prepared)
    isolating.script += [ends_before_it_begins] * 3
    change = isolated.build(due, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, False)
    assert not any(process.is_running for process in isolating.processes if process.builds == 0)
    assert isolating.row(due.id)["deaths"] == 0


@pytest.mark.parametrize("most", [2, 3])
def test_stops_in_the_middle_of_a_build_are_no_deaths(
    isolating: IsolatingWorkers, unblock: threading.Event, most: int
) -> None:
    due = isolating.pending()
    for _ in range(4):
        building = BuildingThread(isolating, due, unblock, most)
        building.isolated.leave()
        assert isolating.row(due.id) == {"deaths": 0, "begun_by": None, "lease_until": None}
    assert isinstance(isolating.worker(most).build(due, TIMEOUT), Prepared)
    isolating.end_leases()
    assert isinstance(isolating.worker(most).build(due, TIMEOUT), Prepared)


def test_no_build_begins_after_leave(isolating: IsolatingWorkers) -> None:
    due, isolated = isolating.pending(), isolating.worker()
    isolated.leave()
    with pytest.raises(Unreachable, match="this worker ends"):
        isolated.build(due, TIMEOUT)
    assert not isolating.is_suspect(due.id)


def test_a_stop_that_comes_while_a_build_begins_leaves_no_lease(
    isolating: IsolatingWorkers, unblock: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "_LEAVE_SECONDS", 0.05)
    due, isolated = isolating.pending(), isolating.worker()
    begin, asked = isolating.suspects.begin, threading.Event()

    def slow(*arguments: Any) -> int | None:
        asked.set()
        unblock.wait(60)
        return begin(*arguments)

    isolating.suspects.begin = slow  # type: ignore[method-assign]
    raised: list[BaseException] = []

    def build() -> None:
        try:
            isolated.build(due, TIMEOUT)
        except Unreachable as error:
            raised.append(error)

    thread = threading.Thread(target=build, daemon=True)
    thread.start()
    assert asked.wait(30)
    isolated.leave()
    unblock.set()
    thread.join(30)
    assert raised
    assert isolating.row(due.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


@pytest.mark.parametrize("statement", ["begin", "keep", "clear"])
def test_an_answer_that_is_lost_is_no_death(
    isolating: IsolatingWorkers, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    due, isolated = isolating.pending(), isolating.worker(2)
    setattr(isolating.suspects, statement, without_answer(getattr(isolating.suspects, statement)))
    for _ in range(3):
        assert isinstance(isolated.build(due, TIMEOUT), Prepared)
        isolated.ended([due.id])
    wait_until(lambda: isolating.row(due.id)["begun_by"] is None)
    isolating.end_leases()
    assert isinstance(isolating.worker(2).build(due, TIMEOUT), Prepared)
    assert isolating.row(due.id)["deaths"] == 0


def test_a_database_that_goes_away_costs_no_process_and_no_death(
    isolating: IsolatingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    due, isolated = isolating.pending(), isolating.worker(2)
    begin = isolating.suspects.begin
    for failing in (away, without_answer(begin, times=100)):
        isolating.suspects.begin = failing  # type: ignore[method-assign]
        for _ in range(PROCESSES + 1):
            with pytest.raises(Unreachable):
                isolated.build(due, TIMEOUT)
    isolating.suspects.begin = begin  # type: ignore[method-assign]
    wait_until(lambda: isolating.row(due.id)["begun_by"] is None)  # what may have begun is written as ended
    assert isinstance(isolating.worker(2).build(due, TIMEOUT), Prepared)
    assert isinstance(isolated.build(due, TIMEOUT), Prepared)
    assert isolating.row(due.id)["deaths"] == 0


def test_an_end_that_the_database_does_not_take_is_written_later(
    isolating: IsolatingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_leases, "KEEP_SECONDS", 0.05)
    due, isolated = isolating.pending(), isolating.worker()
    keep, isolating.suspects.keep = isolating.suspects.keep, away  # type: ignore[method-assign]
    isolating.script += [dies]
    assert isinstance(isolated.build(due, TIMEOUT), Prepared)  # after the one death
    assert isolating.row(due.id)["begun_by"] is not None
    isolating.suspects.keep = keep  # type: ignore[method-assign]
    wait_until(lambda: isolating.row(due.id) == {"deaths": 1, "begun_by": None, "lease_until": None})


def test_the_worker_builds_if_no_process_starts_and_its_death_would_count(
    isolating: IsolatingWorkers,
) -> None:
    due, isolated = isolating.pending(), isolating.worker()
    isolating.starts += [_fails] * 10
    seen = []
    prepare = isolating.preparer.prepare

    def looks(due: DueNotification) -> Prepared | Change:
        seen.append(isolating.row(due.id)["begun_by"])
        return prepare(due)

    isolating.preparer.prepare = looks  # type: ignore[method-assign]
    assert isinstance(isolated.build(due, TIMEOUT), Prepared)
    assert isinstance(isolated.build(due, TIMEOUT), Prepared)
    assert len(isolating.starts) > 5  # it does not try for each
    assert len(seen) == 2
    assert None not in seen
    assert isolating.row(due.id)["begun_by"] is None


def _fails() -> None:
    raise OSError(12, "Cannot allocate memory")


def test_one_start_that_fails_is_tried_again(isolating: IsolatingWorkers) -> None:
    due = isolating.pending()
    isolating.starts += [_fails]
    assert isinstance(isolating.worker().build(due, TIMEOUT), Prepared)
    assert isolating.builds == 1


def test_a_build_that_gets_no_process_in_time_is_no_failure(
    isolating: IsolatingWorkers, unblock: threading.Event
) -> None:
    isolated = isolating.worker()
    hanging = [isolating.pending() for _ in range(PROCESSES)]
    isolating.script += [waits_for(unblock)] * PROCESSES
    threads = [threading.Thread(target=isolated.build, args=(each, TIMEOUT), daemon=True) for each in hanging]
    for thread in threads:
        thread.start()
    wait_until(lambda: isolating.builds == PROCESSES, 30)
    isolated._processes._timeout = 0.2
    due = isolating.pending()
    change = isolated.build(due, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, False)
    assert not isinstance(change, LeftPending)  # its row says when it is published again
    assert not isolating.is_suspect(due.id)
    unblock.set()
    for thread in threads:
        thread.join(30)
    isolated._processes._timeout = 30.0
    assert isinstance(isolated.build(due, TIMEOUT), Prepared)


def test_a_result_that_cannot_be_pickled_is_built_again_in_the_worker(isolating: IsolatingWorkers) -> None:
    due = isolating.pending()

    def cannot() -> None:
        raise NotPicklable

    isolating.script += [cannot]
    assert isinstance(isolating.worker().build(due, TIMEOUT), Prepared)
    assert [process.is_running for process in isolating.processes] == [True]


def test_a_build_that_takes_too_long_is_a_failure_and_no_death(isolating: IsolatingWorkers) -> None:
    due = isolating.pending()

    def hangs() -> None:
        raise BuildTimeout

    isolating.script += [hangs]
    change = isolating.worker().build(due, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, True)
    assert [process.is_running for process in isolating.processes] == [False]
    assert isolating.row(due.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


def test_an_unexpected_error_ends_the_process(isolating: IsolatingWorkers) -> None:
    due, isolated = isolating.pending(), isolating.worker()
    isolating.script += [lambda: 1 / 0] * (PROCESSES + 1)  # type: ignore[list-item, return-value]
    for _ in range(PROCESSES + 1):
        with pytest.raises(ZeroDivisionError):
            isolated.build(due, TIMEOUT)
    assert not any(process.is_running for process in isolating.processes)
    assert isinstance(isolated.build(due, TIMEOUT), Prepared)


def test_threads_share_processes_and_start_no_more_than_they_need(isolating: IsolatingWorkers) -> None:
    isolated, notifications = isolating.worker(), [isolating.pending() for _ in range(5)]
    for due in notifications:
        assert isinstance(isolated.build(due, TIMEOUT), Prepared)
    assert len(isolating.processes) == 1


def test_idle_processes_are_ended(isolating: IsolatingWorkers) -> None:
    isolated = isolating.worker()
    isolated.build(isolating.pending(), TIMEOUT)
    isolated._processes._close_idle(60.0)
    assert [each.is_running for each in isolating.processes] == [True]
    isolated._processes._close_idle(0.0)
    assert [each.is_running for each in isolating.processes] == [False]
    assert isinstance(isolated.build(isolating.pending(), TIMEOUT), Prepared)
    assert isinstance(isolating.processes[-1], Process)
