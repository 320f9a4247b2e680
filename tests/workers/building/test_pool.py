"""Builds that wait, hang and raise, in real threads. Nothing here is timed but patience, which the tests shorten."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from celery_units.later import Later
from notifier import Email, Event
from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change, DueNotification
from notifier.routes import Build
from tests.waiting import wait_until
from tests.workers.isolation.scripted_process import release
from tests.workers.test_deliverer import Post, hello, post
from workers.building.pool import HANGING, THREADS, BuildPool
from workers.building.set_aside import SetAside
from workers.building.threads import Threads
from workers.deliverer import Deliverer
from workers.process.in_progress import InProgress

__all__ = ["post", "release"]


def works(count: int) -> list[DueNotification]:
    return [DueNotification(uuid.uuid4(), "a_route", "activity", b"", 0) for _ in range(count)]


def late(work: DueNotification, hangs: bool) -> str:
    return "hangs" if hangs else "late"


def run(
    builds: BuildPool, unit: list[DueNotification], build: Callable[[DueNotification], str], **options: Any
) -> list[str]:
    return [each for portion in builds.run(unit, build, late, **options) for each in portion]


def test_results_come_in_the_order_of_the_unit() -> None:
    unit = works(200)
    assert run(BuildPool(InProgress()), unit, lambda work: str(work.id)) == [str(work.id) for work in unit]


def test_nothing_to_build_is_no_work() -> None:
    assert run(BuildPool(InProgress()), [], lambda work: "") == []


def test_builds_that_wait_wait_side_by_side() -> None:
    together = threading.Barrier(THREADS)

    def build(work: DueNotification) -> str:
        together.wait(30)  # raises where so many are not there at once
        return "built"

    assert run(BuildPool(InProgress()), works(2 * THREADS), build) == ["built"] * 2 * THREADS


def test_a_unit_goes_on_without_a_build_that_hangs_and_keeps_it_in_hand(release: threading.Event) -> None:
    underway, unit = InProgress(), works(50)
    hanging = unit[7].id

    def build(work: DueNotification) -> str:
        if work.id == hanging:
            release.wait(60)
        return "built"

    with underway.hold([work.id for work in unit]):
        made = run(BuildPool(underway), unit, build, timeout=lambda _: 0.05)
    assert sorted(made) == ["built"] * 49 + ["hangs"]

    with underway.hold([work.id for work in unit]) as taken:
        assert set(taken) == {work.id for work in unit} - {hanging}
    release.set()
    wait_until(lambda: _takes(underway, hanging))


def _takes(underway: InProgress, id_: uuid.UUID) -> bool:
    with underway.hold([id_]) as taken:
        return taken == [id_]


def test_what_is_not_built_when_patience_ends_comes_too_late(release: threading.Event) -> None:
    def build(work: DueNotification) -> str:
        release.wait(60)
        return "built"

    unit, underway = works(THREADS + 5), InProgress()
    with underway.hold([work.id for work in unit]):
        assert run(BuildPool(underway, unit_seconds=0.3), unit, build) == ["late"] * (THREADS + 5)


def test_what_a_build_raises_the_unit_raises_and_nothing_stays_in_hand() -> None:
    underway, unit = InProgress(), works(100)

    def build(work: DueNotification) -> str:
        raise KeyboardInterrupt

    with underway.hold([work.id for work in unit]), pytest.raises(KeyboardInterrupt):
        run(BuildPool(underway), unit, build)
    wait_until(lambda: all(_takes(underway, work.id) for work in unit))


def test_builds_that_hang_take_no_thread_from_the_units_after_them(release: threading.Event) -> None:
    underway, left = InProgress(), []
    builds = BuildPool(underway, unit_seconds=0.5, leave=lambda: left.append(1))

    def hang(work: DueNotification) -> str:
        release.wait(60)
        return "built"

    for rounds in range(1, HANGING // THREADS + 1):
        unit = works(THREADS + 5)
        with underway.hold([work.id for work in unit]):
            run(builds, unit, hang)
        assert bool(left) == (rounds == HANGING // THREADS)
        assert not builds._threads._jobs
        assert run(builds, works(5), lambda work: "built") == ["built"] * 5
    assert left == [1]


def test_a_thread_that_was_replaced_ends_when_its_job_does() -> None:
    threads, release, done = Threads(1, "few", spare=1), threading.Event(), threading.Event()
    began = threading.Event()

    def hang() -> None:
        began.set()
        release.wait(60)

    threads.submit(hang)
    began.wait(30)
    threads.submit(hang)
    assert threads._counted() == 1
    threads.withdraw(hang)
    threads.give_up(list(threads._at), hang)
    assert threads._counted() == 0
    threads.submit(done.set)
    assert done.wait(30)
    release.set()
    wait_until(lambda: threads._alive == 1)
    done.clear()
    threads.submit(done.set)
    assert done.wait(30)


def test_a_route_that_hangs_costs_its_unit_only_itself(post: Post, release: threading.Event) -> None:
    good, bad = post.pending("ana@example.com", "bo@example.com")
    calls = []

    def build(event: Event) -> Email | None:
        email = hello(event)
        if email and email.to == "bo@example.com":
            calls.append(event)
            release.wait(60)
        return email

    delivery = post.delivery(build, timeout=0.05)
    changes = delivery.deliver([good, bad])

    assert (changes[good].to, changes[bad].to) == (Status.SENT, Status.PENDING)
    row = post.rows.delivery(bad)
    assert (row["status"], row["failures"], row["reason"]) == (
        "pending",
        1,
        "the route has not returned; its unit went on without it",
    )
    assert delivery.deliver([bad]) == {}  # no second thread for it
    release.set()
    wait_until(lambda: _takes(post.underway, bad))
    assert len(calls) == 1
    assert post.mails(bad) == []


def test_what_is_built_does_not_wait_for_what_is_slow(release: threading.Event) -> None:
    unit = works(50)
    slow = {work.id for work in unit[:5]}

    def build(work: DueNotification) -> str:
        if work.id in slow:
            release.wait(60)
        return "built"

    portions = BuildPool(InProgress(), batch_seconds=0.05).run(unit, build, late)
    assert next(portions) == ["built"] * 45
    release.set()
    assert [each for portion in portions for each in portion] == ["built"] * 5


def setting_aside(post: Post, build: Build, **options: Any) -> Deliverer:
    delivery = post.delivery(build, **options)
    delivery._builder.pool = BuildPool(post.underway, batch_seconds=0.05, slow_seconds=0.05)
    delivery._set_aside = SetAside()
    return delivery


def slow_for_bo(release: threading.Event) -> Build:
    """A route that builds the mail to bo@example.com only once it is released."""

    def build(event: Event) -> Email | None:
        email = hello(event)
        if email and email.to == "bo@example.com":
            release.wait(60)
        return email

    return build


def test_a_slow_route_is_sent_in_a_unit_of_its_own(post: Post, release: threading.Event) -> None:
    good, slow = post.pending("ana@example.com", "bo@example.com")

    delivery = setting_aside(post, slow_for_bo(release))
    changes = delivery.deliver([good, slow])
    later = changes[slow]
    assert isinstance(later, Later)
    assert (post.rows.status(good), post.rows.status(slow)) == (Status.SENT, Status.PENDING)
    assert delivery.deliver([slow]) == {}  # delivered again meanwhile: it is in hand

    release.set()
    later.wait()
    assert isinstance(change := delivery.deliver([slow])[slow], Change)
    assert change.to is Status.SENT
    assert len(post.mails(slow)) == 1
    wait_until(lambda: _takes(post.underway, slow))


def test_a_slow_route_that_exceeds_its_timeout_has_failed_once_and_stays_in_hand(
    post: Post, release: threading.Event
) -> None:
    (slow,) = post.pending("bo@example.com")

    def build(event: Event) -> Email | None:
        release.wait(60)
        return hello(event)

    delivery = setting_aside(post, build, timeout=0.3)
    later = delivery.deliver([slow])[slow]
    assert isinstance(later, Later)
    later.wait()
    assert isinstance(change := delivery.deliver([slow])[slow], Change)
    assert (change.to, post.rows.delivery(slow)["failures"]) == (Status.PENDING, 1)
    assert delivery.deliver([slow]) == {}  # its thread is still at it
    release.set()
    wait_until(lambda: _takes(post.underway, slow))
    assert post.mails(slow) == []


def test_a_unit_that_breaks_off_leaves_no_slow_build_in_hand(post: Post, release: threading.Event) -> None:
    good, slow = post.pending("ana@example.com", "bo@example.com")

    def away(*_: Any, **__: Any) -> Any:
        wait_until(lambda: delivery._set_aside and delivery._set_aside._waiting)
        raise Unreachable("the database stays away")

    delivery = setting_aside(post, slow_for_bo(release))
    begin, post.attempts.begin = post.attempts.begin, away
    with pytest.raises(Unreachable):
        delivery.deliver([good, slow])
    post.attempts.begin = begin
    release.set()
    wait_until(lambda: _takes(post.underway, slow))
    assert isinstance(change := delivery.deliver([slow])[slow], Change)
    assert (change.to, len(post.mails(slow))) == (Status.SENT, 1)


def test_a_route_that_is_no_more_is_no_more_when_its_unit_does_not_wait_for_it(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    post.rows.run("UPDATE notifications SET route = 'gone' WHERE notification_id = :id", id=id_)
    delivery = post.delivery()
    delivery._builder.pool.run = lambda works, build, late, **_: (
        [late(work, True) for work in some] for some in [works]
    )  # type: ignore[method-assign]

    assert delivery.deliver([id_])[id_].to is Status.PENDING
    assert post.rows.delivery(id_)["failures"] == 1


def test_threads_are_kept_and_no_more_than_allowed(release: threading.Event) -> None:
    threads, names = Threads(3, "few"), set()
    ended = threading.Semaphore(0)

    def job() -> None:
        names.add(threading.current_thread().name)
        release.wait(60)
        ended.release()

    for _ in range(20):
        threads.submit(job)
    wait_until(lambda: len(names) == 3)
    release.set()
    for _ in range(20):
        assert ended.acquire(timeout=30)
    assert names == {"few-1", "few-2", "few-3"}
