"""Suspects in a unit: each stays one until its delivery is final, whatever message brings it."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from celery.exceptions import Reject

import workers.tasks
from celery_units.request import error_of
from celery_units.unfinished import Unfinished
from celery_units.units import run_unit
from notifier import Email, Event
from notifier.broker import TASK, queue_name
from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change
from tests.waiting import wait_until
from tests.workers.isolation.scripted_process import IsolatingWorkers, dies, isolating, unblock, waits_for
from tests.workers.test_deliverer import Environment, env, hello
from tests.workers.test_tasks import celery_config, celery_parameters
from tests.workers.test_units import Deliveries, deliveries, new_ids
from workers.building import builder as building
from workers.building.pool import BuildPool
from workers.deliverer import Deliverer
from workers.process.stop import Stop
from workers.tasks import register

__all__ = ["celery_config", "celery_parameters", "deliveries", "env", "isolating", "unblock"]


def deliverer(isolating: IsolatingWorkers, **options: Any) -> Deliverer:
    return isolating.env.deliverer(hello, isolated=isolating.worker(), **options)


def out_of_time(isolating: IsolatingWorkers, id_: UUID) -> None:
    made = deliverer(isolating)
    made._builder._isolated_pool = BuildPool(isolating.env.in_progress, unit_seconds=-1.0, slow_seconds=60.0)
    unblock = threading.Event()
    isolating.script.append(waits_for(unblock, 1.0))
    made.deliver([id_], suspects=True)
    unblock.set()


def no_process(isolating: IsolatingWorkers, id_: UUID) -> None:
    isolated = isolating.worker()
    isolated._processes._timeout = 0.0
    isolating.env.deliverer(hello, isolated=isolated).deliver([id_], suspects=True)


def a_paused_channel(isolating: IsolatingWorkers, id_: UUID) -> None:
    isolating.env.account._channels.pause("email", "for a moment")
    deliverer(isolating).deliver([id_], suspects=True)
    isolating.env.account._channels.resume("email")


def a_provider_that_throttles(isolating: IsolatingWorkers, id_: UUID) -> None:
    isolating.env.fault(kind="throttle", times=1)
    deliverer(isolating).deliver([id_], suspects=True)


def a_route_that_raises(isolating: IsolatingWorkers, id_: UUID) -> None:
    def broken(event: Event) -> Email:
        raise LookupError

    routes = isolating.env.deliverer(broken)._builder._preparer._routes
    ours, isolating.preparer._routes = isolating.preparer._routes, routes
    deliverer(isolating).deliver([id_], suspects=True)
    isolating.preparer._routes = ours


def no_rate(isolating: IsolatingWorkers, id_: UUID) -> None:
    made = deliverer(isolating)
    made._outgoing._sender._batches = lambda ready: iter(())  # type: ignore[method-assign]
    made.deliver([id_], suspects=True)


def a_database_that_goes_away(isolating: IsolatingWorkers, id_: UUID) -> None:
    made = deliverer(isolating)

    def away(*_: Any, **__: Any) -> Any:
        raise Unreachable("the database does not answer")

    begin, isolating.env.attempts.begin = isolating.env.attempts.begin, away
    with pytest.raises(Unreachable):
        made.deliver([id_], suspects=True)
    isolating.env.attempts.begin = begin


@pytest.mark.parametrize(
    "waits",
    [
        out_of_time,
        no_process,
        a_paused_channel,
        a_provider_that_throttles,
        a_route_that_raises,
        no_rate,
        a_database_that_goes_away,
    ],
)
def test_a_suspect_that_waits_stays_a_suspect(
    isolating: IsolatingWorkers, waits: Callable[[IsolatingWorkers, UUID], None]
) -> None:
    (id_,) = isolating.env.pending("ana@example.com")
    waits(isolating, id_)
    assert isolating.env.rows.status(id_) is Status.PENDING
    isolating.env.rows.run("UPDATE deliveries SET next_attempt_at = NULL")
    wait_until(lambda: _is_free(isolating.env, id_))
    before = isolating.builds

    change = deliverer(isolating).deliver([id_])[id_]  # by a new message, which does not say that it is a suspect

    assert isinstance(change, Change)
    assert change.to is Status.SENT
    assert isolating.builds == before + 1
    assert not isolating.is_suspect(id_)
    assert len(isolating.env.mails(id_)) == 1


def _is_free(env: Environment, id_: UUID) -> bool:
    with env.in_progress.hold([id_]) as taken:
        return taken == [id_]


def test_a_suspect_among_others_goes_on_in_a_unit_of_its_own(isolating: IsolatingWorkers) -> None:
    marked, other = isolating.env.pending("ana@example.com", "bo@example.com")
    isolating.suspects.mark([marked])
    made = deliverer(isolating, sets_aside=True)

    changes = made.deliver([marked, other])

    later = changes[marked]
    assert isinstance(later, Unfinished)
    assert (later.suspects, later.wait(0), isolating.builds) == (True, True, 0)
    assert isinstance(change := changes[other], Change)
    assert change.to is Status.SENT
    assert isinstance(change := made.deliver([marked], suspects=True)[marked], Change)
    assert (change.to, isolating.builds) == (Status.SENT, 1)


def test_a_suspect_that_kills_its_processes_fails_although_each_message_is_a_new_one(
    isolating: IsolatingWorkers,
) -> None:
    (id_,) = isolating.env.pending("ana@example.com")
    isolating.suspects.mark([id_])
    isolating.script += [dies, dies]
    change = deliverer(isolating).deliver([id_])[id_]
    assert isinstance(change, Change)
    assert (change.to, isolating.env.rows.status(id_)) == (Status.FAILED, Status.FAILED)
    assert not isolating.is_suspect(id_)


def test_what_another_worker_builds_keeps_its_row_as_it_is(
    isolating: IsolatingWorkers, unblock: threading.Event
) -> None:
    """A change of the row would keep the other worker from sending it."""
    (id_,) = isolating.env.pending("ana@example.com")
    began = threading.Event()

    def waits() -> None:
        began.set()
        unblock.wait(60)

    isolating.script.append(waits)
    first = deliverer(isolating)
    sent: list[Any] = []
    thread = threading.Thread(target=lambda: sent.append(first.deliver([id_], suspects=True)), daemon=True)
    thread.start()
    assert began.wait(30)
    isolating.env.in_progress = type(isolating.env.in_progress)()  # of another process
    second = deliverer(isolating).deliver([id_], suspects=True)
    assert isinstance(change := second[id_], Change)
    assert change.to is Status.PENDING
    unblock.set()
    thread.join(30)
    assert sent[0][id_].to is Status.SENT
    assert len(isolating.env.mails(id_)) == 1
    assert not isolating.is_suspect(id_)


def test_a_long_wait_for_a_process_is_no_failure(
    isolating: IsolatingWorkers, unblock: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_ISOLATED_EXTRA_SECONDS", 0.2)
    (id_,) = isolating.env.pending("ana@example.com")
    isolating.starts.append(waits_for(unblock))
    change = deliverer(isolating, timeout=0.1).deliver([id_], suspects=True)[id_]
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, False)
    assert isolating.env.rows.delivery(id_)["failures"] == 0


def test_a_route_that_hangs_in_the_worker_itself_has_failed(
    isolating: IsolatingWorkers, unblock: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_ISOLATED_EXTRA_SECONDS", 0.2)
    (id_,) = isolating.env.pending("ana@example.com")
    isolating.starts += [_fails] * 5
    isolating.preparer.prepare = lambda _: unblock.wait(60)  # type: ignore[method-assign,assignment,return-value]
    change = deliverer(isolating, timeout=0.1).deliver([id_], suspects=True)[id_]
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, True)


def _fails() -> None:
    raise OSError(12, "Cannot allocate memory")


def test_two_stops_in_the_middle_of_a_build_cost_it_nothing(
    isolating: IsolatingWorkers, unblock: threading.Event
) -> None:
    (id_,) = isolating.env.pending("ana@example.com")
    for _ in range(2):
        stop, began = Stop(), threading.Event()

        def waits(began: threading.Event = began) -> None:
            began.set()
            unblock.wait(60)

        isolating.script.append(waits)
        isolating.env.in_progress = type(isolating.env.in_progress)()
        stopping = isolating.env.deliverer(hello, stop, isolated=isolating.worker(2, stop=stop))
        raised: list[BaseException] = []
        thread = threading.Thread(target=_catch, args=(stopping, id_, raised), daemon=True)
        thread.start()
        assert began.wait(30)
        stop.set()
        stopping.leave()
        thread.join(30)
        assert [type(each).__name__ for each in raised] == ["Stopped"]
        isolating.end_leases()
    isolating.env.in_progress = type(isolating.env.in_progress)()
    assert deliverer(isolating).deliver([id_], suspects=True)[id_].to is Status.SENT  # type: ignore[union-attr]


def _catch(made: Deliverer, id_: UUID, raised: list[BaseException]) -> None:
    try:
        made.deliver([id_], suspects=True)
    except BaseException as error:  # noqa: BLE001
        raised.append(error)


def test_a_slow_build_of_a_broken_unit_does_not_hold_up_the_end(
    celery_app: Celery, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Stop()
    monkeypatch.setattr(workers.tasks, "stop", lambda: stop)
    task = register(celery_app)
    task.__trace__ = build_tracer(task.name, task, celery_app.loader, "here", app=celery_app)
    ids = new_ids(2)
    deliveries.errors = [ValueError("the unit breaks")]
    deliveries.later = {ids[0]: Unfinished()}
    info = {"routing_key": queue_name("email")}
    requests = [
        {"id": str(id_), "args": [str(id_)], "kwargs": {}, "delivery_info": info, "retries": 0, "task": TASK}
        for id_ in ids
    ]
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(run_unit(task, requests)), daemon=True)
    thread.start()
    wait_until(lambda: [ids[0]] in deliveries.units)
    stop.set()
    thread.join(10)
    assert results, "the thread waits for the slow build"
    assert isinstance(error_of(results[0][0][1]), Reject)


def test_a_single_message_can_become_a_suspect(celery_app: Celery, deliveries: Deliveries) -> None:
    task = register(celery_app)
    task.__trace__ = build_tracer(task.name, task, celery_app.loader, "here", app=celery_app)
    (id_,) = new_ids(1)
    answers = iter([{id_: Unfinished(suspects=True)}, {id_: Change(id_, Status.SENT)}])
    told: list[bool] = []

    def deliver(_: Any, *, suspects: bool = False) -> Any:
        told.append(suspects)
        return next(answers)

    deliveries.deliver = deliver  # type: ignore[method-assign,assignment]
    info = {"routing_key": queue_name("email")}
    request = {"id": str(id_), "delivery_info": info, "retries": 0, "task": TASK}
    task.__trace__(str(id_), [str(id_)], {}, {**request, "is_eager": False})
    assert told == [False, True]
