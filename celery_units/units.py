"""Units: many messages of one task that run as one job of Celery's pool. Each stays a task of its own.

The consumer collects them (`strategy.py`) and the pool does the work of all at once. Then every message ends by
itself (`job.py`): acknowledged, retried, failed or given back, with its own events and signals, as if it had run
alone.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from celery import Task, signals
from celery.exceptions import Reject, Retry

from celery_units.request import error_of, frames
from celery_units.unfinished import Unfinished

log = logging.getLogger(__name__)

Completion = Callable[[], Any]
"""How one message ends: returns or raises what the task would have, had it run alone."""

Result = tuple[int, Any, float] | Unfinished
"""What Celery's tracer returns: whether the task failed, its value or error, its seconds. `Unfinished`: it runs
again.
"""

_COMPLETION = "unit_completion"
_WATCHED = (signals.task_prerun, signals.task_postrun, signals.task_success, signals.task_retry)
_celery_log = logging.getLogger("celery.app.trace")


class UnitTask(Task):  # type: ignore[misc]
    """A task that runs in units: `run` does the work of one message, `run_many` that of all messages of a unit.

    A task that adds documents to an index, in bulk:

        class Index(UnitTask):
            def run_many(self, requests):
                documents.add([request["args"][0] for request in requests])
                return [lambda: "indexed"] * len(requests)

        @app.task(base=Index)
        def index(document):
            documents.add([document])
            return "indexed"
    """

    abstract = True
    Strategy = "celery_units.strategy:unit_strategy"
    Request = "celery_units.request:UnitRequest"
    unit_size = 500
    """The most messages in a unit."""
    event_sample = 25
    """About how many tasks a second send events. Those that do not succeed always do."""

    def run_many(self, requests: Sequence[dict[str, Any]]) -> list[Completion | Unfinished | None]:
        """Do the work of all messages. Each is given as the dict of which Celery makes a `Context`: id, args, kwargs.

        Return for each, in the same order:
        - a completion, which is called to end the task as `run` would have;
        - `give_back`, to return the message to the broker;
        - `Unfinished`, if its work goes on: the message runs again when that has ended (not with the prefork pool);
        - None, to do its work alone with `run`.
        An exception, or another number of results, makes all of them run alone.
        """
        raise NotImplementedError

    def is_ending(self) -> bool:
        """Whether this process is about to end. Called only for messages that are given back.

        While it is True they stay reserved, and the close of the connection returns all of them at once, in order
        and before the messages that wait. Requeued one by one they would go behind those.
        """
        return False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        completion = self.request.get(_COMPLETION)
        return completion() if completion else self.run(*args, **kwargs)


def give_back() -> NoReturn:
    """The completion of a message that goes back to the broker. Raises Reject."""
    raise Reject("this worker cannot do it now", requeue=True) from None


def run_unit(task: UnitTask, requests: Sequence[dict[str, Any]]) -> list[Result]:
    """Run in the pool: do the work of all messages, then end each of them. If `run_many` raises, each runs alone."""
    started = time.monotonic()
    completions: Sequence[Completion | Unfinished | None] = [None] * len(requests)
    try:
        completions = _run_many(task, requests)
    except Exception as error:  # noqa: BLE001
        log.error(  # noqa: TRY400
            "a unit of %d tasks raised %s; each runs alone\n%s", len(requests), type(error).__name__, frames(error)
        )
    watched = any(signal.receivers for signal in _WATCHED) or _celery_log.isEnabledFor(logging.INFO)
    results: list[Result] = []
    rejected: Completion | None = None
    for request, completion in zip(requests, completions, strict=True):
        if isinstance(completion, Unfinished):
            results.append(completion)
            continue
        result = _result(task, request, completion or rejected, started, watched=watched)
        results.append(result)
        if result[0] and isinstance(cause := error_of(result[1]), Reject):
            rejected = partial(_raise, cause)  # those that would run alone would wait as long, and be rejected too
    return results


def _run_many(task: UnitTask, requests: Sequence[dict[str, Any]]) -> Sequence[Completion | Unfinished | None]:
    completions = task.run_many(requests)
    if len(completions) != len(requests):
        raise ValueError(f"run_many returned {len(completions)} results for {len(requests)} messages")
    return completions


def _raise(error: Exception) -> NoReturn:
    raise error.with_traceback(None)  # a traceback that is kept grows with each raise


def _result(
    task: UnitTask, request: dict[str, Any], completion: Completion | None, started: float, *, watched: bool
) -> tuple[int, Any, float]:
    """End one message.

    Celery's tracer, which sends signals and logs, takes 25 µs, or 1 ms for a retry. It is skipped if nothing is
    `watched`: no receiver of its signals, and no log level that shows its lines.
    """
    if completion and (not watched or completion is give_back):  # a worker that ends would log 2,000 tracebacks
        try:
            return 0, repr(completion()), time.monotonic() - started
        except (Retry, Reject) as error:
            return 1, without_traceback(error), time.monotonic() - started
        except Exception:  # noqa: BLE001, S110  the tracer below reports it
            pass
    try:
        context = {**request, "is_eager": False, _COMPLETION: completion}
        result, failed, runtime, text = task.__trace__(request["id"], request["args"], request["kwargs"], context)
    except Exception:  # noqa: BLE001
        return 1, ExceptionInfo(internal=True), 0.0
    return (1, _without_frames(result), runtime) if failed else (0, text, runtime)


def without_traceback(error: Exception) -> ExceptionInfo:
    """What the tracer makes of an error, without a traceback. `ExceptionInfo.__init__` cannot do without one."""
    info = ExceptionInfo.__new__(ExceptionInfo)
    info.type, info.traceback = type(error), f"{type(error).__name__}: {error}"
    info.exception = ExceptionWithTraceback(error.with_traceback(None), info.traceback)
    return info


def _without_frames(info: ExceptionInfo) -> ExceptionInfo:
    """Keep only the text of the traceback: billiard's copy of the frames takes 0.3 MB, and a unit has up to 500."""
    info.tb = None
    return info
