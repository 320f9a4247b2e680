"""Who is charged with a death: workers and processes that end at each moment of a build alone."""

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change, Work
from tests.waiting import wait_until
from tests.workers.processes import Process, Workers, away, dies, goes_well, is_gone, waits_for, without_answer
from tests.workers.test_deliver import Post, post
from workers import losses
from workers.alone import PROCESSES
from workers.child import Overdue, Unpicklable
from workers.decide import Waiting
from workers.prepare import Prepared

__all__ = ["post"]

TIMEOUT = 5.0


@pytest.fixture
def workers(post: Post) -> Iterator[Workers]:
    made = Workers(post)
    yield made
    made.close()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


class Builder(threading.Thread):
    """A worker that is in the middle of a build until `release` is set."""

    def __init__(self, workers: Workers, work: Work, release: threading.Event, most: int = 3) -> None:
        super().__init__(daemon=True)
        self._began = threading.Event()
        self._work = work
        self.alone = workers.worker(most)
        self.result: Any = None

        def waits() -> None:
            self._began.set()
            release.wait(60)

        workers.script.append(waits)
        self.start()
        assert self._began.wait(30)

    def run(self) -> None:
        self.result = self.alone.build(self._work, TIMEOUT)


def test_workers_that_die_after_a_build_is_done_cost_it_nothing(workers: Workers) -> None:
    """What is built may wait for the rate for minutes."""
    work = workers.pending()
    for _ in range(5):
        assert isinstance(workers.worker().build(work, TIMEOUT), Prepared)
    assert workers.row(work.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


def test_a_worker_that_dies_in_the_middle_is_a_death_once_its_lease_is_over(workers: Workers) -> None:
    work = workers.pending()
    for deaths in (0, 1):
        assert workers.suspects.begin(work.id, uuid.uuid4(), 60.0) == deaths
        assert isinstance(workers.worker().build(work, TIMEOUT), Waiting)
        workers.a_lease_ends()
    change = workers.worker().build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert change.to is Status.FAILED
    assert "3 times while building it (its last worker died before it could say how)" in str(change.reason)
    assert workers.builds == 0


def test_a_build_that_goes_on_elsewhere_is_no_death(workers: Workers, release: threading.Event) -> None:
    work = workers.pending()
    first = Builder(workers, work, release)
    for _ in range(4):
        change = workers.worker().build(work, TIMEOUT)
        assert isinstance(change, Waiting)
        assert change.to is Status.PENDING
    release.set()
    first.join(30)
    assert isinstance(first.result, Prepared)
    assert workers.row(work.id)["deaths"] == 0
    assert isinstance(workers.worker().build(work, TIMEOUT), Prepared)


def test_a_worker_that_lives_keeps_its_lease(
    workers: Workers, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "KEEP_SECONDS", 0.05)
    work = workers.pending()
    Builder(workers, work, release)
    first = workers.row(work.id)["lease_until"]
    wait_until(lambda: workers.row(work.id)["lease_until"] > first)


def test_processes_that_die_of_it_are_counted_and_in_the_end_it_fails(workers: Workers) -> None:
    work = workers.pending()
    workers.script += [dies, goes_well]
    assert isinstance(workers.worker().build(work, TIMEOUT), Prepared)
    assert workers.row(work.id)["deaths"] == 1
    workers.script += [dies]
    change = workers.worker().build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.FAILED, True)
    assert "its worker died 3 times while building it (killed by SIGKILL)" in str(change.reason)


@pytest.mark.parametrize("most", [2, 3, 5])
def test_it_fails_after_as_many_deaths_as_the_setting_says(workers: Workers, most: int) -> None:
    work = workers.pending()
    workers.script += [dies] * most
    change = workers.worker(most).build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert change.to is Status.FAILED
    assert workers.builds == most - 1


def test_an_idle_process_that_has_ended_is_no_death(workers: Workers) -> None:
    work, alone = workers.pending(), workers.worker()
    for _ in range(3):
        assert isinstance(alone.build(work, TIMEOUT), Prepared)
        for process in workers.processes:
            process.kill()
    assert len(workers.processes) == 3
    assert workers.row(work.id)["deaths"] == 0


def test_a_process_that_ends_before_it_begins_is_no_death(workers: Workers) -> None:
    work, alone = workers.pending(), workers.worker()
    workers.script += [is_gone, is_gone]
    assert isinstance(alone.build(work, TIMEOUT), Prepared)
    workers.script += [is_gone] * 3
    change = alone.build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, False)
    assert not any(process.is_running for process in workers.processes if process.builds == 0)
    assert workers.row(work.id)["deaths"] == 0


@pytest.mark.parametrize("most", [2, 3])
def test_stops_in_the_middle_of_a_build_are_no_deaths(workers: Workers, release: threading.Event, most: int) -> None:
    work = workers.pending()
    for _ in range(4):
        builder = Builder(workers, work, release, most)
        builder.alone.leave()
        assert workers.row(work.id) == {"deaths": 0, "begun_by": None, "lease_until": None}
    assert isinstance(workers.worker(most).build(work, TIMEOUT), Prepared)
    workers.a_lease_ends()
    assert isinstance(workers.worker(most).build(work, TIMEOUT), Prepared)


def test_nothing_begins_once_its_process_is_left(workers: Workers) -> None:
    work, alone = workers.pending(), workers.worker()
    alone.leave()
    with pytest.raises(Unreachable, match="this worker ends"):
        alone.build(work, TIMEOUT)
    assert not workers.is_suspect(work.id)


def test_a_stop_that_comes_while_a_build_begins_leaves_no_lease(
    workers: Workers, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "_LEAVE_SECONDS", 0.05)
    work, alone = workers.pending(), workers.worker()
    begin, asked = workers.suspects.begin, threading.Event()

    def slow(*arguments: Any) -> int | None:
        asked.set()
        release.wait(60)
        return begin(*arguments)

    workers.suspects.begin = slow  # type: ignore[method-assign]
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
    assert workers.row(work.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


@pytest.mark.parametrize("statement", ["begin", "keep", "clear"])
def test_an_answer_that_is_lost_is_no_death(
    workers: Workers, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "KEEP_SECONDS", 0.05)
    work, alone = workers.pending(), workers.worker(2)
    setattr(workers.suspects, statement, without_answer(getattr(workers.suspects, statement)))
    for _ in range(3):
        assert isinstance(alone.build(work, TIMEOUT), Prepared)
        alone.ended([work.id])
    wait_until(lambda: workers.row(work.id)["begun_by"] is None)
    workers.a_lease_ends()
    assert isinstance(workers.worker(2).build(work, TIMEOUT), Prepared)
    assert workers.row(work.id)["deaths"] == 0


def test_a_database_that_goes_away_costs_no_process_and_no_death(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(losses, "KEEP_SECONDS", 0.05)
    work, alone = workers.pending(), workers.worker(2)
    begin = workers.suspects.begin
    for failing in (away, without_answer(begin, times=100)):
        workers.suspects.begin = failing  # type: ignore[method-assign]
        for _ in range(PROCESSES + 1):
            with pytest.raises(Unreachable):
                alone.build(work, TIMEOUT)
    workers.suspects.begin = begin  # type: ignore[method-assign]
    wait_until(lambda: workers.row(work.id)["begun_by"] is None)  # what may have begun is written as ended
    assert isinstance(workers.worker(2).build(work, TIMEOUT), Prepared)
    assert isinstance(alone.build(work, TIMEOUT), Prepared)
    assert workers.row(work.id)["deaths"] == 0


def test_an_end_that_the_database_does_not_take_is_written_later(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "KEEP_SECONDS", 0.05)
    work, alone = workers.pending(), workers.worker()
    keep, workers.suspects.keep = workers.suspects.keep, away  # type: ignore[method-assign]
    workers.script += [dies]
    assert isinstance(alone.build(work, TIMEOUT), Prepared)  # after the one death
    assert workers.row(work.id)["begun_by"] is not None
    workers.suspects.keep = keep  # type: ignore[method-assign]
    wait_until(lambda: workers.row(work.id) == {"deaths": 1, "begun_by": None, "lease_until": None})


def test_where_no_process_comes_up_the_worker_builds_it_and_its_death_would_count(workers: Workers) -> None:
    work, alone = workers.pending(), workers.worker()
    workers.starts += [_fails] * 10
    seen = []
    prepare = workers.preparation.prepare

    def looks(work: Work) -> Prepared | Change:
        seen.append(workers.row(work.id)["begun_by"])
        return prepare(work)

    workers.preparation.prepare = looks  # type: ignore[method-assign]
    assert isinstance(alone.build(work, TIMEOUT), Prepared)
    assert isinstance(alone.build(work, TIMEOUT), Prepared)
    assert len(workers.starts) > 5  # it does not try for each
    assert len(seen) == 2
    assert None not in seen
    assert workers.row(work.id)["begun_by"] is None


def _fails() -> None:
    raise OSError(12, "Cannot allocate memory")


def test_one_start_that_fails_is_tried_again(workers: Workers) -> None:
    work = workers.pending()
    workers.starts += [_fails]
    assert isinstance(workers.worker().build(work, TIMEOUT), Prepared)
    assert workers.builds == 1


def test_what_gets_no_process_waits_and_has_not_failed(workers: Workers, release: threading.Event) -> None:
    alone = workers.worker()
    hanging = [workers.pending() for _ in range(PROCESSES)]
    workers.script += [waits_for(release)] * PROCESSES
    threads = [threading.Thread(target=alone.build, args=(each, TIMEOUT), daemon=True) for each in hanging]
    for thread in threads:
        thread.start()
    wait_until(lambda: workers.builds == PROCESSES, 30)
    alone._processes._patience = 0.2
    work = workers.pending()
    change = alone.build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, False)
    assert not isinstance(change, Waiting)  # its row says when it is published again
    assert not workers.is_suspect(work.id)
    release.set()
    for thread in threads:
        thread.join(30)
    alone._processes._patience = 30.0
    assert isinstance(alone.build(work, TIMEOUT), Prepared)


def test_what_cannot_be_handed_over_is_built_in_the_worker(workers: Workers) -> None:
    work = workers.pending()

    def cannot() -> None:
        raise Unpicklable

    workers.script += [cannot]
    assert isinstance(workers.worker().build(work, TIMEOUT), Prepared)
    assert [process.is_running for process in workers.processes] == [True]


def test_a_build_that_takes_too_long_is_a_failure_and_no_death(workers: Workers) -> None:
    work = workers.pending()

    def hangs() -> None:
        raise Overdue

    workers.script += [hangs]
    change = workers.worker().build(work, TIMEOUT)
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, True)
    assert [process.is_running for process in workers.processes] == [False]
    assert workers.row(work.id) == {"deaths": 0, "begun_by": None, "lease_until": None}


def test_an_error_that_nobody_foresaw_leaves_no_process_in_the_middle(workers: Workers) -> None:
    work, alone = workers.pending(), workers.worker()
    workers.script += [lambda: 1 / 0] * (PROCESSES + 1)  # type: ignore[list-item, return-value]
    for _ in range(PROCESSES + 1):
        with pytest.raises(ZeroDivisionError):
            alone.build(work, TIMEOUT)
    assert not any(process.is_running for process in workers.processes)
    assert isinstance(alone.build(work, TIMEOUT), Prepared)


def test_threads_share_processes_and_start_no_more_than_they_need(workers: Workers) -> None:
    alone, works = workers.worker(), [workers.pending() for _ in range(5)]
    for work in works:
        assert isinstance(alone.build(work, TIMEOUT), Prepared)
    assert len(workers.processes) == 1


def test_idle_processes_are_ended(workers: Workers) -> None:
    alone = workers.worker()
    alone.build(workers.pending(), TIMEOUT)
    alone._processes._close_idle(60.0)
    assert [each.is_running for each in workers.processes] == [True]
    alone._processes._close_idle(0.0)
    assert [each.is_running for each in workers.processes] == [False]
    assert isinstance(alone.build(workers.pending(), TIMEOUT), Prepared)
    assert isinstance(workers.processes[-1], Process)
