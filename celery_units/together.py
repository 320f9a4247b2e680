"""What Celery's worker notes of a request, noted of many at once: `celery inspect`, revokes and counts read it.

Celery's own functions do the same one by one: `task_reserved`, `Request.on_accepted` and `Request.on_success`.
"""

import time
from collections.abc import Sequence

from celery.worker import state

from celery_units.request import UnitRequest


def reserve(requests: Sequence[UnitRequest]) -> None:
    """Note that they wait for the pool."""
    state.requests.update((request.id, request) for request in requests)
    state.reserved_requests.update(requests)


def start(requests: Sequence[UnitRequest], pid: int, at: float) -> None:
    """Note that the pool runs them, in the process `pid` since `at` on the monotonic clock. No event is sent."""
    started = time.time() - (time.monotonic() - at)
    for request in requests:
        request.worker_pid, request.time_start = pid, started
    state.requests.update((request.id, request) for request in requests)
    state.active_requests.update(requests)
    state.total_count.update([request.name for request in requests])
    state.all_total_count[0] += len(requests)


def end(requests: Sequence[UnitRequest]) -> None:
    """Note that they have succeeded. No event is sent, and no message acknowledged."""
    for request in requests:
        state.requests.pop(request.id, None)
    state.active_requests.difference_update(requests)
    state.reserved_requests.difference_update(requests)
