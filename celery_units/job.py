"""A unit as a job of Celery's pool, and what its end means for each of its messages."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from billiard.einfo import ExceptionInfo

from celery_units.later import Later
from celery_units.request import UnitRequest, frames, mark_lost
from celery_units.units import Result, UnitTask, run_unit

log = structlog.get_logger(__name__)


class Job:
    """One unit under way; `then` is called at its end, and `again` with each of its messages that is to run again.

    To Celery's worker it looks like a request. What the pool says is heard on the consumer's loop only, whatever
    thread the pool says it in: what Celery keeps of its requests bears no second one.
    """

    def __init__(
        self,
        task: UnitTask,
        requests: Sequence[UnitRequest],
        consumer: Any,
        then: Callable[[], None],
        again: Callable[[UnitRequest], None],
        *,
        begun: bool = False,
    ) -> None:
        """`begun`: the messages run again; Celery knows already that they have begun."""
        self._task = task
        self._requests = requests
        self._consumer = consumer
        self._then = then
        self._again = again
        self._begun = begun
        self._loop = threading.get_ident()
        self._accepted: tuple[int, float] | None = None
        self._ended = False

    def execute_using_pool(self, pool: Any) -> None:
        task = self._task
        pool.apply_async(
            run_unit,
            args=(task, [request.request_dict for request in self._requests]),
            accept_callback=self._on_accepted,
            callback=self._on_returned,
            error_callback=partial(self._on_loop, self._lost),
            soft_timeout=task.soft_time_limit,
            timeout=task.time_limit,
            correlation_id=self._requests[0].id,
        )

    def _on_accepted(self, pid: int, at: float) -> None:
        self._accepted = (pid, at)
        self._on_loop(self._begin)

    def _on_returned(self, results: Any) -> None:
        """Pools of threads hand over also the loss of their thread this way."""
        self._on_loop(self._lost if isinstance(results, ExceptionInfo) else self._end, results)

    def _on_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        if threading.get_ident() == self._loop:
            call(*arguments)
        else:
            self._consumer.call_soon(call, *arguments)

    def _begin(self) -> None:
        """Once, and before the end: the loop calls in any order what it is given at once."""
        accepted, self._accepted = self._accepted, None
        if accepted and not self._ended and not self._begun:
            for request in self._requests:
                _tell(request.on_accepted, *accepted)

    def _end(self, results: Sequence[Result]) -> None:
        self._begin()
        self._ended = True
        try:
            for request, result in zip(self._requests, results, strict=True):
                if isinstance(result, Later):
                    if result.suspects:
                        mark_lost(request.request_dict)
                    result.then(partial(self._on_loop, self._again, request))
                else:
                    _tell(request.on_success, result)
        finally:
            self._then()

    def _lost(self, info: ExceptionInfo) -> None:
        self._begin()
        self._ended = True
        try:
            for request in self._requests:
                _tell(request.on_failure, info)
        finally:
            self._then()


def _tell(call: Callable[..., None], *arguments: Any) -> None:
    """What goes wrong with one message is no other one's concern."""
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001
        log.error("a task's end could not be told", error=type(error).__name__, trace=frames(error))  # noqa: TRY400
