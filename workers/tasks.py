"""The Celery task. It tells Celery what became of a delivery; Postgres knows it already.

What it says stays free of personal data, for it goes to the broker and to Flower: an id and a status, no reason.
"""

from uuid import UUID

import structlog
from celery import Celery, Task
from celery.exceptions import Reject, Retry

from notifier.broker import TASK, channel_of
from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change
from notifier.telemetry import trace
from workers.wiring import delivery

log = structlog.get_logger(__name__)


class DeliveryFailed(Exception):
    """The delivery failed for good; `notifier show` says why."""


class DeliveryUnknown(Exception):
    """The provider's answer was lost; the delivery waits for evidence."""


class DeliveryError(Exception):
    """Something that must not happen did. Its text and its cause may hold personal data: they stay here."""


def register(app: Celery) -> Task:
    """Make the task `notifier.deliver` of that app."""

    @app.task(name=TASK, bind=True, throws=(DeliveryFailed, DeliveryUnknown, DeliveryError))  # type: ignore[untyped-decorator]
    def deliver(task: Task, notification_id: str) -> str:
        return report(_deliver(channel_of(task.request.delivery_info["routing_key"]), UUID(notification_id)))

    return deliver


def _deliver(channel: str, id_: UUID) -> Change | None:
    try:
        return delivery(channel).deliver([id_]).get(id_)
    except Unreachable as error:
        log.warning("message given back", notification=str(id_), reason=str(error))
        raise Reject("the database does not answer", requeue=True) from None
    except Exception as error:  # noqa: BLE001  whatever it is: Celery would publish its text
        log.error("delivery broke", notification=str(id_), error=type(error).__name__, trace=trace(error))  # noqa: TRY400
        raise DeliveryError("see the worker's log") from None


def report(change: Change | None) -> str:
    """Celery's word for a change: RETRY, FAILURE or SUCCESS. A retry waits in the row, never in Celery."""
    if change is None:
        return "done before, or under way elsewhere"
    match change.to:
        case Status.PENDING:
            raise Retry(message="the next attempt waits in the outbox", when=change.delay)
        case Status.FAILED:
            raise DeliveryFailed(f"see: notifier show {change.id}")
        case Status.UNKNOWN:
            raise DeliveryUnknown(f"see: notifier show {change.id}")
    return change.to.value
