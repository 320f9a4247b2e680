"""The Celery task `notifier.deliver`. It delivers units, and returns to Celery the status of each delivery.

The database has the status already; that of Celery is for Flower. It goes through the broker, so it holds no personal
data: an id and a status, no reason.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NoReturn
from uuid import UUID

import structlog
from celery import Celery, Task
from celery.exceptions import Reject, Retry

from celery_units.request import was_lost
from celery_units.unfinished import Unfinished
from celery_units.units import Completion, UnitTask, give_back
from notifier.broker import TASK, channel_of
from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change
from notifier.telemetry import trace
from workers.process.stop import Stopped
from workers.wiring import deliverer, stop

log = structlog.get_logger(__name__)

_STEP_SECONDS = 0.25
_SENT = Status.SENT


class DeliveryFailed(Exception):
    """The delivery failed and is not tried again. `notifier show` says why."""


class DeliveryUnknown(Exception):
    """The provider's answer was lost. The delivery waits for a delivery event, its deadline, or the operator."""


class DeliveryError(Exception):
    """An unexpected error. Its text and cause may hold personal data, so they are in the worker's log only."""


class Deliver(UnitTask):
    """The class of the task. `run_many` delivers a unit of notifications."""

    abstract = True
    throws = (DeliveryFailed, DeliveryUnknown, DeliveryError)

    def is_ending(self) -> bool:
        return stop().is_set()

    def run_many(self, requests: Sequence[dict[str, Any]]) -> list[Completion | Unfinished | None]:
        channel, options = _channel(requests[0]["delivery_info"]), _options(requests[0])
        ids = [_id(request) for request in requests]
        if len(ids) == 1 and ids[0]:
            return [_completion_of_one(channel, ids[0], options)]
        try:
            changes = deliverer(channel).deliver([id_ for id_ in ids if id_], **options)
        except Stopped as stopped:
            log.info("messages given back: this worker ends", count=len(stopped.left))
            return [
                give_back if id_ in stopped.left else _completion(stopped.changes.get(id_)) if id_ else None
                for id_ in ids
            ]
        except Unreachable as error:
            log.warning("messages given back", count=len(ids), reason=str(error))
            return [give_back] * len(ids)
        # pop: of two messages for one notification only the first has a result: they do not share an `Unfinished`.
        return [_completion(changes.pop(id_, None)) if id_ else None for id_ in ids]


def register(app: Celery, unit_size: int = UnitTask.unit_size, event_sample: int = UnitTask.event_sample) -> Task:
    """Make the task `notifier.deliver` of that app, and return it."""
    options = {"unit_size": unit_size, "event_sample": event_sample, "shared": False}

    @app.task(name=TASK, bind=True, base=Deliver, **options)  # type: ignore[untyped-decorator]
    def deliver(task: Task, notification_id: str) -> str:
        channel, id_ = _channel(task.request.delivery_info), UUID(notification_id)
        options = _options(vars(task.request))
        while isinstance(change := _deliver(channel, id_, options), Unfinished):
            options = {**options, **({"suspects": True} if change.suspects else {})}
            while not change.wait(_STEP_SECONDS):
                if stop().is_set():
                    give_back()
        return celery_result(change)

    return deliver


def _channel(delivery_info: dict[str, Any]) -> str:
    return channel_of(delivery_info["routing_key"])


def _id(request: dict[str, Any]) -> UUID | None:
    """Return None if the arguments are not one id: the task then runs alone and fails with an error of its own."""
    try:
        (text,) = request["args"]
        return None if request["kwargs"] else UUID(text)
    except (AttributeError, TypeError, ValueError):
        return None


def _completion(change: Change | Unfinished | None) -> Completion | Unfinished:
    if isinstance(change, Unfinished):
        return change
    if change and change.to is _SENT:  # as nearly all are: these share one completion
        return _sent
    return partial(celery_result, change)


def _sent() -> str:
    return _SENT._value_


def _options(request: Mapping[str, Any]) -> dict[str, bool]:
    """Return the options of `deliver`. A unit has only redelivered messages, or none."""
    return {"suspects": True} if was_lost(request) else {}


def _completion_of_one(channel: str, id_: UUID, options: dict[str, bool]) -> Completion | Unfinished:
    try:
        return _completion(_deliver(channel, id_, options))
    except (Reject, DeliveryError) as error:
        return partial(_raise, error)


def _raise(error: Exception) -> NoReturn:
    raise error.with_traceback(None)


def _deliver(channel: str, id_: UUID, options: dict[str, bool]) -> Change | Unfinished | None:
    try:
        return deliverer(channel).deliver([id_], **options).get(id_)
    except (Unreachable, Stopped) as error:
        log.warning("message given back", notification=str(id_), reason=str(error))
        give_back()
    except Exception as error:  # noqa: BLE001  Celery would publish the text of any exception
        log.error("delivery raised", notification=str(id_), error=type(error).__name__, trace=trace(error))  # noqa: TRY400
        raise DeliveryError("see the worker's log") from None


def celery_result(change: Change | None) -> str:
    """Return the status, which Celery shows as SUCCESS, or raise the exception that it shows as RETRY or FAILURE.

    A retry is stored in the outbox: Celery gets no ETA.
    """
    if change is None:
        return "not pending: already handled, or another worker has it"
    match change.to:
        case Status.PENDING:
            raise Retry(message="the next attempt is stored in the outbox", when=change.delay)
        case Status.FAILED:
            raise DeliveryFailed(f"see: notifier show {change.id}")
        case Status.UNKNOWN:
            raise DeliveryUnknown(f"see: notifier show {change.id}")
    return change.to.value
