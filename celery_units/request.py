"""One message of a unit as Celery's worker keeps it, with its own acknowledgement, state and events."""

import time
import traceback
from collections.abc import Mapping
from typing import Any

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from celery.exceptions import Terminated
from celery.worker.request import Request

_USUAL = frozenset(("task-received", "task-started", "task-succeeded"))


class UnitRequest(Request):  # type: ignore[misc]
    """Celery's request, whose events are sent only if `shown`.

    Otherwise it sends no event if the task succeeds, and all of its events, the earlier ones late, if it does not.
    """

    shown = True
    tag: str | None = None
    """The delivery tag of a message that was taken without kombu's objects: see `ReservedRequest`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.received_at = time.time()

    def send_received(self) -> None:
        """Send the event `task-received` with the time at which the message came."""
        self.send_event(
            "task-received",
            timestamp=self.received_at,
            name=self.name,
            args=self.argsrepr,
            kwargs=self.kwargsrepr,
            root_id=self.root_id,
            parent_id=self.parent_id,
            retries=self.request_dict.get("retries", 0),
            eta=None,
            expires=self.expires and self.expires.isoformat(),
        )

    def send_event(self, kind: str, **fields: Any) -> None:
        if not self.shown:
            if kind in _USUAL:
                return
            self.shown = True
            self.send_received()
            if self.time_start:
                super().send_event("task-started", timestamp=self.time_start)
        super().send_event(kind, **fields)

    def on_failure(self, exc_info: Any, *arguments: Any, **options: Any) -> None:
        """Count the message as lost with its worker if another task of its unit was terminated.

        The child process that ran the unit was killed for that one, and died with this message too.
        """
        error = error_of(exc_info)
        if isinstance(error, Terminated) and not (self._already_revoked or self._already_cancelled):
            exc_info = self._worker_lost_info(error)
        super().on_failure(exc_info, *arguments, **options)


def was_lost(request: Mapping[str, Any]) -> bool:
    """Whether an earlier worker had the message and did not give it back: it died, or was silent for too long.

    The fast transport counts that in the header `losses`. Other transports mark every message that was delivered
    before, whatever the reason.
    """
    losses = request.get("losses")
    if losses is not None:
        return bool(losses)
    return bool(request.get("redelivered") or (request.get("delivery_info") or {}).get("redelivered"))


def mark_lost(request: dict[str, Any]) -> None:
    """Make `was_lost` true for this message: its task has found a loss that no header of the message shows."""
    request["losses"] = 1


def error_of(info: ExceptionInfo) -> BaseException:
    """The exception of a task. Some pools wrap it with its traceback."""
    error: BaseException = info.exception
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def frames(error: BaseException) -> str:
    """Where an error was raised, without its text, which may hold personal data. For logs."""
    return "".join(traceback.format_tb(error.__traceback__))
