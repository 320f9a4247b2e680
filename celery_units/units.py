"""Units: many messages of one task that run as one job of Celery's pool. Each stays a task of its own.

The consumer collects them (`strategy.py`), the pool does the work of all at once, and then every message has its own
end (`job.py`): acknowledged, retried, failed or given back, with its own events and signals, as if it had run alone.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import structlog
from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from celery import Task, signals
from celery.exceptions import Reject, Retry

from celery_units.later import Later
from celery_units.request import error_of, frames

log = structlog.get_logger(__name__)

Completion = Callable[[], Any]
"""Returns or raises what the task would have, had it run alone."""

Result = tuple[int, Any, float] | Later
"""As Celery's tracer gives it: whether it failed, the value or the error, the seconds. `Later`: run it again then."""

_OUTCOME = "unit_outcome"
_WATCHED = (signals.task_prerun, signals.task_postrun, signals.task_success, signals.task_retry)
_celery_log = logging.getLogger("celery.app.trace")


class UnitTask(Task):  # type: ignore[misc]
    """A task that runs in units. `run` does the work of one message, `run_many` that of all messages of a unit."""

    abstract = True
    Strategy = "celery_units.strategy:unit_strategy"
    Request = "celery_units.request:UnitRequest"
    unit_size = 500
    event_sample = 25
    """How many tasks a second Flower is shown."""

    def run_many(self, requests: Sequence[dict[str, Any]]) -> list[Completion | Later | None]:
        """The outcome of each, by its request as Celery's `Context` has it; None where `run` must do it alone.

        `Later` where it has not come to an end: the message runs again, with others like it, when that says so. Only
        for pools that run in this process.
        """
        raise NotImplementedError

    def is_ending(self) -> bool:
        """Whether this process is about to end. Called for each message that is given back, not for the others.

        While it is True such messages stay reserved, and the end of the connection returns all of them at once, in
        order and before the messages that wait. Requeued one by one they would go behind those.
        """
        return False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outcome = self.request.get(_OUTCOME)
        return outcome() if outcome else self.run(*args, **kwargs)


def give_back() -> NoReturn:
    """The outcome of a message that goes back to the broker. Raise Reject."""
    raise Reject("the database does not answer, or this worker ends", requeue=True) from None


def run_unit(task: UnitTask, requests: Sequence[dict[str, Any]]) -> list[Result]:
    """In the pool: the work of all, then the result of each. Where the work of all raises, each runs alone."""
    started = time.monotonic()
    outcomes: Sequence[Completion | Later | None] = [None] * len(requests)
    try:
        outcomes = task.run_many(requests)
    except Exception as error:  # noqa: BLE001
        log.error("unit broke; its tasks run one by one", tasks=len(requests), trace=frames(error))  # noqa: TRY400
    watched = any(signal.receivers for signal in _WATCHED) or _celery_log.isEnabledFor(logging.INFO)
    results: list[Result] = []
    rejected: Completion | None = None
    for request, outcome in zip(requests, outcomes, strict=True):
        if isinstance(outcome, Later):
            results.append(outcome)
            continue
        result = _result(task, request, outcome or rejected, started, watched=watched)
        results.append(result)
        if result[0] and isinstance(cause := error_of(result[1]), Reject):
            rejected = partial(_raise, cause)  # who has waited for it once need not do so for each
    return results


def _raise(error: Exception) -> NoReturn:
    raise error.with_traceback(None)  # else it would grow with each time


def _result(
    task: UnitTask, request: dict[str, Any], outcome: Completion | None, started: float, *, watched: bool
) -> tuple[int, Any, float]:
    """The tracer tells everybody; it takes 25 µs, or 1 ms for a retry, so what nobody listens to goes without."""
    if outcome and (not watched or outcome is give_back):  # at the end of a worker it would log 2,000 tracebacks
        try:
            return 0, repr(outcome()), time.monotonic() - started
        except (Retry, Reject) as error:
            return 1, _told(error), time.monotonic() - started
        except Exception:  # noqa: BLE001, S110  the tracer has the words for it
            pass
    try:
        context = {**request, "is_eager": False, _OUTCOME: outcome}
        result, failed, runtime, text = task.__trace__(request["id"], request["args"], request["kwargs"], context)
    except Exception:  # noqa: BLE001
        return 1, ExceptionInfo(internal=True), 0.0
    return (1, _without_frames(result), runtime) if failed else (0, text, runtime)


def _told(error: Exception) -> ExceptionInfo:
    """What the tracer would have made of it, without a traceback. Its own `__init__` insists on one."""
    info = ExceptionInfo.__new__(ExceptionInfo)
    info.type, info.traceback = type(error), f"{type(error).__name__}: {error}"
    info.exception = ExceptionWithTraceback(error.with_traceback(None), info.traceback)
    return info


def _without_frames(info: ExceptionInfo) -> ExceptionInfo:
    """The text of its traceback is enough: billiard's copy of its frames takes 0.3 MB, and a unit has up to 500."""
    info.tb = None
    return info
