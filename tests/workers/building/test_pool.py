"""Builds that wait, hang and raise, in real threads. The timeouts are shortened."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from celery_units.unfinished import Unfinished
from notifier import Email, Event
from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change, DueNotification
from notifier.routes import Build
from tests.no_threads import NoThreads
from tests.waiting import wait_until
from tests.workers.isolation.scripted_process import unblock
from tests.workers.test_deliverer import Environment, env, hello
from workers.building import unit_builds
from workers.building.pool import HANGING, THREADS, BuildPool
from workers.building.set_aside import SetAside, UnitAside
from workers.building.threads import Threads
from workers.deliverer import Deliverer
from workers.process.in_progress import STUCK_SECONDS, InProgress

__all__ = ["env", "unblock"]


def notifications(count: int) -> list[DueNotification]:
    return [DueNotification(uuid.uuid4(), "a_route", "activity", b"", 0) for _ in range(count)]


def late(due: DueNotification, hangs: bool) -> str:
    return "hangs" if hangs else "late"


def run(
    builds: BuildPool, unit: list[DueNotification], build: Callable[[DueNotification], str], **options: Any
) -> list[str]:
    return [each for batch in builds.run(unit, build, late, **options) for each in batch]


def test_results_come_in_the_order_of_the_unit() -> None:
    unit = notifications(200)
    assert run(BuildPool(InProgress()), unit, lambda due: str(due.id)) == [str(due.id) for due in unit]


def test_nothing_to_build_is_no_work() -> None:
    assert run(BuildPool(InProgress()), [], lambda due: "") == []


def test_builds_that_wait_run_at_the_same_time() -> None:
    together = threading.Barrier(THREADS)

    def build(due: DueNotification) -> str:
        together.wait(30)  # raises if fewer builds wait at once
        return "built"

    assert run(BuildPool(InProgress()), notifications(2 * THREADS), build) == ["built"] * 2 * THREADS


def test_a_unit_goes_on_without_a_build_that_hangs_and_keeps_it_in_progress(unblock: threading.Event) -> None:
    in_progress, unit = InProgress(), notifications(50)
    hanging = unit[7].id

    def build(due: DueNotification) -> str:
        if due.id == hanging:
            unblock.wait(60)
        return "built"

    with in_progress.hold([due.id for due in unit]):
        made = run(BuildPool(in_progress), unit, build, timeout=lambda _: 0.05)
    assert sorted(made) == ["built"] * 49 + ["hangs"]

    with in_progress.hold([due.id for due in unit]) as taken:
        assert set(taken) == {due.id for due in unit} - {hanging}
    unblock.set()
    wait_until(lambda: _takes(in_progress, hanging))


def _takes(in_progress: InProgress, id_: uuid.UUID) -> bool:
    with in_progress.hold([id_]) as taken:
        return taken == [id_]


def test_the_end_of_a_long_build_is_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_builds, "_PROGRESS_SECONDS", 0.0)
    now, unit = [0.0], notifications(1)
    in_progress = InProgress(lambda: now[0])

    def build(due: DueNotification) -> str:
        now[0] = STUCK_SECONDS + 1
        return "built"

    with in_progress.hold([due.id for due in unit]):
        assert run(BuildPool(in_progress), unit, build) == ["built"]
        assert in_progress.stuck() == []


def test_what_is_not_built_when_the_time_of_the_unit_is_over_is_late(unblock: threading.Event) -> None:
    def build(due: DueNotification) -> str:
        unblock.wait(60)
        return "built"

    unit, in_progress = notifications(THREADS + 5), InProgress()
    with in_progress.hold([due.id for due in unit]):
        assert run(BuildPool(in_progress, unit_seconds=0.3), unit, build) == ["late"] * (THREADS + 5)


def test_what_a_build_raises_the_unit_raises_and_nothing_stays_in_progress() -> None:
    in_progress, unit = InProgress(), notifications(100)

    def build(due: DueNotification) -> str:
        raise KeyboardInterrupt

    with in_progress.hold([due.id for due in unit]), pytest.raises(KeyboardInterrupt):
        run(BuildPool(in_progress), unit, build)
    wait_until(lambda: all(_takes(in_progress, due.id) for due in unit))


def test_builds_that_hang_take_no_thread_from_the_units_after_them(unblock: threading.Event) -> None:
    in_progress, left = InProgress(), []
    builds = BuildPool(in_progress, unit_seconds=1.0, leave=lambda: left.append(1))

    def hang(due: DueNotification) -> str:
        unblock.wait(60)
        return "built"

    for rounds in range(1, HANGING // THREADS + 1):
        unit = notifications(THREADS + 5)
        with in_progress.hold([due.id for due in unit]):
            run(builds, unit, hang)
        assert bool(left) == (rounds == HANGING // THREADS)
        assert not builds._threads._queue
        assert run(builds, notifications(5), lambda due: "built") == ["built"] * 5
    assert left == [1]


def test_a_thread_that_was_replaced_ends_when_its_job_does() -> None:
    threads, unblock, done = Threads(1, "few", spare=1), threading.Event(), threading.Event()
    began = threading.Event()

    def hang() -> None:
        began.set()
        unblock.wait(60)

    threads.submit(hang)
    began.wait(30)
    threads.submit(hang)
    assert threads._counted() == 1
    threads.withdraw(hang)
    threads.give_up(list(threads._running), hang)
    assert threads._counted() == 0
    threads.submit(done.set)
    assert done.wait(30)
    unblock.set()
    wait_until(lambda: threads._alive == 1)
    done.clear()
    threads.submit(done.set)
    assert done.wait(30)


def test_a_route_that_hangs_costs_its_unit_only_itself(env: Environment, unblock: threading.Event) -> None:
    good, bad = env.pending("ana@example.com", "bo@example.com")
    calls = []

    def build(event: Event) -> Email | None:
        email = hello(event)
        if email and email.to == "bo@example.com":
            calls.append(event)
            unblock.wait(60)
        return email

    deliverer = env.deliverer(build, timeout=2.0)
    changes = deliverer.deliver([good, bad])

    assert (changes[good].to, changes[bad].to) == (Status.SENT, Status.PENDING)
    row = env.rows.delivery(bad)
    assert (row["status"], row["failures"], row["reason"]) == (
        "pending",
        1,
        "the route has not returned; its unit went on without it",
    )
    assert deliverer.deliver([bad]) == {}  # no second thread for it
    unblock.set()
    wait_until(lambda: _takes(env.in_progress, bad))
    assert len(calls) == 1
    assert env.mails(bad) == []


def test_quick_builds_do_not_wait_for_slow_ones(unblock: threading.Event) -> None:
    unit = notifications(50)
    slow = {due.id for due in unit[:5]}

    def build(due: DueNotification) -> str:
        if due.id in slow:
            unblock.wait(60)
        return "built"

    batches = BuildPool(InProgress(), batch_seconds=0.05).run(unit, build, late)
    assert next(batches) == ["built"] * 45
    unblock.set()
    assert [each for batch in batches for each in batch] == ["built"] * 5


def setting_aside(env: Environment, build: Build, **options: Any) -> Deliverer:
    deliverer = env.deliverer(build, **options)
    deliverer._builder.pool = BuildPool(env.in_progress, batch_seconds=0.05, slow_seconds=0.05)
    deliverer._set_aside = SetAside()
    return deliverer


def slow_for_bo(unblock: threading.Event) -> Build:
    """A route that builds the mail to bo@example.com only after `unblock` is set."""

    def build(event: Event) -> Email | None:
        email = hello(event)
        if email and email.to == "bo@example.com":
            unblock.wait(60)
        return email

    return build


def test_a_slow_route_is_sent_in_a_unit_of_its_own(env: Environment, unblock: threading.Event) -> None:
    good, slow = env.pending("ana@example.com", "bo@example.com")

    deliverer = setting_aside(env, slow_for_bo(unblock))
    changes = deliverer.deliver([good, slow])
    later = changes[slow]
    assert isinstance(later, Unfinished)
    assert (env.rows.status(good), env.rows.status(slow)) == (Status.SENT, Status.PENDING)
    assert deliverer.deliver([slow]) == {}  # delivered again meanwhile: it is in progress

    unblock.set()
    later.wait()
    assert isinstance(change := deliverer.deliver([slow])[slow], Change)
    assert change.to is Status.SENT
    assert len(env.mails(slow)) == 1
    wait_until(lambda: _takes(env.in_progress, slow))


def test_a_slow_route_that_exceeds_its_timeout_has_failed_once_and_stays_in_progress(
    env: Environment, unblock: threading.Event
) -> None:
    (slow,) = env.pending("bo@example.com")

    def build(event: Event) -> Email | None:
        unblock.wait(60)
        return hello(event)

    deliverer = setting_aside(env, build, timeout=0.3)
    later = deliverer.deliver([slow])[slow]
    assert isinstance(later, Unfinished)
    later.wait()
    assert isinstance(change := deliverer.deliver([slow])[slow], Change)
    assert (change.to, env.rows.delivery(slow)["failures"]) == (Status.PENDING, 1)
    assert deliverer.deliver([slow]) == {}  # its thread still runs
    unblock.set()
    wait_until(lambda: _takes(env.in_progress, slow))
    assert env.mails(slow) == []


def test_an_interrupted_unit_leaves_no_slow_build_in_progress(env: Environment, unblock: threading.Event) -> None:
    good, slow = env.pending("ana@example.com", "bo@example.com")

    def away(*_: Any, **__: Any) -> Any:
        wait_until(lambda: deliverer._set_aside and deliverer._set_aside._expected)
        raise Unreachable("the database does not answer")

    deliverer = setting_aside(env, slow_for_bo(unblock))
    begin, env.attempts.begin = env.attempts.begin, away
    with pytest.raises(Unreachable):
        deliverer.deliver([good, slow])
    env.attempts.begin = begin
    unblock.set()
    wait_until(lambda: _takes(env.in_progress, slow))
    assert isinstance(change := deliverer.deliver([slow])[slow], Change)
    assert (change.to, len(env.mails(slow))) == (Status.SENT, 1)


def test_a_removed_route_whose_unit_does_not_wait_for_it_is_tried_again(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.rows.run("UPDATE notifications SET route = 'gone' WHERE notification_id = :id", id=id_)
    deliverer = env.deliverer()
    deliverer._builder.pool.run = lambda notifications, build, late, **_: (
        [late(due, True) for due in some] for some in [notifications]
    )  # type: ignore[method-assign]

    assert deliverer.deliver([id_])[id_].to is Status.PENDING
    assert env.rows.delivery(id_)["failures"] == 1


def test_a_route_that_this_worker_does_not_have_is_left_to_others(env: Environment) -> None:
    """A worker of the version before must not use up the attempts of a route that came with the next one."""
    (id_,) = env.pending("ana@example.com")
    env.rows.run("UPDATE notifications SET route = 'new' WHERE notification_id = :id", id=id_)
    change = env.deliverer().deliver([id_])[id_]
    assert isinstance(change, Change)
    assert (change.to, change.delay) == (Status.PENDING, 5.0)
    left = env.rows.delivery(id_)
    assert (left["failures"], left["attempt"]) == (0, 0)
    assert "no route new; another one may be of a newer version" in left["reason"]


def test_threads_are_kept_and_no_more_than_allowed(unblock: threading.Event) -> None:
    threads, names = Threads(3, "few"), set()
    ended = threading.Semaphore(0)

    def job() -> None:
        names.add(threading.current_thread().name)
        unblock.wait(60)
        ended.release()

    for _ in range(20):
        threads.submit(job)
    wait_until(lambda: len(names) == 3)
    unblock.set()
    for _ in range(20):
        assert ended.acquire(timeout=30)
    assert names == {"few-1", "few-2", "few-3"}


def test_calls_run_once_threads_can_be_started_again() -> None:
    no_threads = NoThreads()
    threads, refused, done = Threads(3, "few"), threading.Event(), threading.Event()
    with no_threads.in_force():
        for _ in range(40):
            with pytest.raises(RuntimeError):
                threads.submit(refused.set)
    threads.submit(done.set)
    assert done.wait(30)
    assert (threads.alive, refused.is_set()) == (1, False)


def test_a_call_waits_for_the_threads_there_are_if_no_other_one_can_be_started(
    unblock: threading.Event,
) -> None:
    no_threads = NoThreads()
    threads, began, done = Threads(3, "few"), threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        unblock.wait(60)

    threads.submit(wait)
    assert began.wait(30)
    with no_threads.in_force():
        threads.submit(done.set)
    assert not done.is_set()
    unblock.set()
    assert done.wait(30)
    assert (threads.alive, no_threads.refused) == (1, 1)


def test_a_unit_for_which_no_thread_can_be_started_leaves_nothing_to_the_next() -> None:
    no_threads = NoThreads()
    builds = BuildPool(InProgress())
    with no_threads.in_force():
        for _ in range(40):
            with pytest.raises(RuntimeError):
                run(builds, notifications(1), lambda due: "refused")
    assert run(builds, notifications(3), lambda due: "built") == ["built"] * 3
    assert not builds._threads._queue


def test_a_unit_whose_second_thread_cannot_be_started_is_built_by_its_first() -> None:
    no_threads = NoThreads()
    builds = BuildPool(InProgress())

    def build(due: DueNotification) -> str:
        if not no_threads.refused:
            wait_until(lambda: no_threads.refused)
        return "built"

    assert run(builds, notifications(1), lambda due: "built") == ["built"]  # the first thread is there
    with no_threads.in_force():
        assert run(builds, notifications(50), build) == ["built"] * 50


def test_a_slow_build_stays_in_its_unit_while_no_thread_can_be_started_for_its_timeout() -> None:
    in_progress, unit, no_timers = InProgress(), notifications(1), NoThreads(threading.Timer)
    builds = BuildPool(in_progress, batch_seconds=0.05, slow_seconds=0.05)

    def build(due: DueNotification) -> str:
        wait_until(lambda: no_timers.refused)
        return "built"

    with in_progress.hold([unit[0].id]), no_timers.in_force():
        assert run(builds, unit, build, aside=UnitAside(SetAside())) == ["built"]
    assert _takes(in_progress, unit[0].id)


def test_a_timeout_that_grows_applies_though_no_other_thread_can_be_started(unblock: threading.Event) -> None:
    in_progress, unit, set_aside, looks = InProgress(), notifications(1), SetAside[str](), []
    builds, aside = BuildPool(in_progress, batch_seconds=0.05, slow_seconds=0.05), UnitAside(set_aside)

    def build(due: DueNotification) -> str:
        unblock.wait(60)
        return "built"

    def timeout(due: DueNotification) -> float:
        if not isinstance(threading.current_thread(), threading.Timer):
            return 1.0
        looks.append(due)
        return 60.0 if len(looks) == 1 else 0.0

    with in_progress.hold([unit[0].id]):
        assert run(builds, unit, build, timeout=timeout, aside=aside) == []
        with NoThreads().in_force():
            assert aside.expected[unit[0].id].wait(30)
    assert set_aside.take([unit[0].id]) == {unit[0].id: "hangs"}
