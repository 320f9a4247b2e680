"""A unit as a job of Celery's pool, and what its end means for each of its messages."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from billiard.einfo import ExceptionInfo
from celery.concurrency.thread import TaskPool as ThreadPool

from celery_units import together
from celery_units.request import UnitRequest, frames, mark_lost
from celery_units.unfinished import Unfinished
from celery_units.units import Result, UnitTask, run_unit, without_traceback

log = logging.getLogger(__name__)
_celery_log = logging.getLogger("celery.worker.request")


class UnitFailed(Exception):
    """The unit of a task raised. Its log says where, and has no text, which may hold personal data."""


class Job:
    """One unit in Celery's pool. Celery's worker treats it as a request.

    All callbacks of the pool move to the consumer's thread, because Celery's request state is not thread-safe.
    """

    def __init__(
        self,
        task: UnitTask,
        requests: Sequence[UnitRequest],
        consumer: Any,
        on_end: Callable[[], None],
        run_again: Callable[[UnitRequest], None],
        acknowledge: Callable[[Sequence[UnitRequest]], None],
        *,
        begun: bool = False,
    ) -> None:
        """`on_end` is called when the unit ends, `run_again` with each message that is to run again.

        `acknowledge` is called with those that have succeeded.

        With `begun` these messages run for a second time: their start was reported to Celery the first time.
        """
        self._task = task
        self._requests = requests
        self._consumer = consumer
        self._on_end = on_end
        self._run_again = run_again
        self._acknowledge = acknowledge
        self._begun = begun
        self._all_at_once = (
            task.acks_late
            and not task.app.conf.worker_deduplicate_successful_tasks
            and not _celery_log.isEnabledFor(logging.DEBUG)
        )
        self._thread = threading.get_ident()
        self._accepted: tuple[int, float] | None = None
        self._ended = False

    def execute_using_pool(self, pool: Any) -> None:
        task, at_once = self._task, isinstance(pool, ThreadPool)
        pool.apply_async(
            _run,
            args=(task, [request.request_dict for request in self._requests]),
            accept_callback=None if at_once else self._on_accepted,
            callback=self._on_returned,
            error_callback=partial(self._in_consumer_thread, self._lost),
            soft_timeout=task.soft_time_limit,
            timeout=task.time_limit,
            correlation_id=self._requests[0].id,
        )
        if at_once:  # a thread is free for each unit; its callback would only wake the event loop once more
            self._on_accepted(os.getpid(), time.monotonic())

    def _on_accepted(self, pid: int, at: float) -> None:
        self._accepted = (pid, at)
        self._in_consumer_thread(self._begin)

    def _on_returned(self, results: Any) -> None:
        """What `_run` caught, and the loss of a thread of the pool, come here, too."""
        self._in_consumer_thread(self._lost if isinstance(results, ExceptionInfo) else self._end, results)

    def _in_consumer_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        if threading.get_ident() == self._thread:
            call(*arguments)
        else:
            self._consumer.call_soon(call, *arguments)

    def _begin(self) -> None:
        """Report the start of each message, once.

        The end calls it too: the event loop may run callbacks that were added at the same time in any order.
        """
        accepted, self._accepted = self._accepted, None
        if accepted and not self._ended and not self._begun:
            together.start([each for each in self._requests if self._is_unnoticed(each)], *accepted)
            for request in self._requests:
                if not self._is_unnoticed(request):
                    _report(request.on_accepted, *accepted)

    def _end(self, results: Sequence[Result]) -> None:
        self._begin()
        self._ended = True
        succeeded = []
        try:
            for request, result in zip(self._requests, results, strict=True):
                if isinstance(result, Unfinished):
                    if result.suspects:
                        mark_lost(request.request_dict)
                    result.then(partial(self._in_consumer_thread, self._run_again, request))
                elif not result[0] and self._is_unnoticed(request):
                    succeeded.append(request)
                else:
                    _report(request.on_success, result)
            together.end(succeeded)
            _report(self._acknowledge, succeeded)
        finally:
            self._on_end()

    def _is_unnoticed(self, request: UnitRequest) -> bool:
        """Whether the start and the success of this message need no more than what `together` does."""
        return self._all_at_once and not request.shown and request._terminate_on_ack is None  # noqa: SLF001

    def _lost(self, info: ExceptionInfo) -> None:
        self._begin()
        self._ended = True
        try:
            for request in self._requests:
                _report(request.on_failure, info)
        finally:
            self._on_end()


def _run(task: UnitTask, requests: Sequence[dict[str, Any]]) -> list[Result] | ExceptionInfo:
    """Run in the pool. Return the failure of all if that raises: a pool of threads would not report it."""
    try:
        return run_unit(task, requests)
    except Exception as error:  # noqa: BLE001
        name = type(error).__name__
        log.error("a unit of %d tasks raised %s; each fails\n%s", len(requests), name, frames(error))  # noqa: TRY400
        return without_traceback(UnitFailed(f"its unit raised {name}"))


def _report(call: Callable[..., None], *arguments: Any) -> None:
    """Call a handler of one request. Its error is logged, so that the other messages of the unit still end."""
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001
        log.error(  # noqa: TRY400
            "Celery could not process the end of a task: %s\n%s", type(error).__name__, frames(error)
        )
