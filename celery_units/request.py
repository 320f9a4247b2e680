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
    """Where `shown` is False, Flower is told of it only if its end is not the usual one, and then all of it."""

    shown = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.received_at = time.time()

    def tell_received(self) -> None:
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
            self.tell_received()
            if self.time_start:
                super().send_event("task-started", timestamp=self.time_start)
        super().send_event(kind, **fields)

    def on_failure(self, exc_info: Any, *arguments: Any, **options: Any) -> None:
        """Where somebody terminated another task of the unit, the child died with this one too: it was lost."""
        error = error_of(exc_info)
        if isinstance(error, Terminated) and not (self._already_revoked or self._already_cancelled):
            exc_info = self._worker_lost_info(error)
        super().on_failure(exc_info, *arguments, **options)


def was_lost(request: Mapping[str, Any]) -> bool:
    """Whether an earlier worker had the message and did not give it back: it died, or was silent for too long.

    Our transport counts that in the header `losses`. Others mark what was delivered before, for whatever reason.
    """
    losses = request.get("losses")
    if losses is not None:
        return bool(losses)
    return bool(request.get("redelivered") or (request.get("delivery_info") or {}).get("redelivered"))


def mark_lost(request: dict[str, Any]) -> None:
    """The database knows that an earlier worker was lost with it, though this message does not say so."""
    request["losses"] = 1


def error_of(info: ExceptionInfo) -> BaseException:
    """The pool wraps what it hands over."""
    error: BaseException = info.exception
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def frames(error: BaseException) -> str:
    """Where an error was raised, without its text, which may hold personal data. For logs."""
    return "".join(traceback.format_tb(error.__traceback__))
