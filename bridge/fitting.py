"""Cuts a page to the part for which the outbox has room."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from bridge.outbox_limit import OutboxLimit
from bridge.stream.decode import sequence_number
from notifier.errors import LeaseLost
from notifier.outbox import NewNotification


class Classified(Protocol):
    """What the records of a page become."""

    @property
    def notifications(self) -> Sequence[NewNotification]: ...


P = TypeVar("P", bound=Classified)


@dataclass(slots=True)
class Fitted(Generic[P]):
    """The part of a page for which there is room, with its deliveries by queue.

    `full` is the queue that has no room for the next record, None if the whole page fits. Set `used` to what was
    recorded, by queue, if that is not all of `queues`.
    """

    page: P
    queues: Mapping[str, int]
    full: str | None
    used: Mapping[str, int]


@contextmanager
def fitted(
    limit: OutboxLimit | None,
    records: Sequence[dict[str, Any]],
    classify: Callable[[Sequence[dict[str, Any]]], P],
    part: float = 1.0,
) -> Iterator[Fitted[P]]:
    """Reserve room for what `classify` makes of the records, and give the part that fits, to record it in the block.

    After an error the reservation counts as used, because the rows may exist: the answer to a commit may be lost.
    After LeaseLost nothing was recorded. `part` is that of `OutboxLimit.reserve`. Without a `limit` everything fits.
    """
    page = classify(records)
    queues = Counter(each.queue for each in page.notifications)
    if limit is None:
        yield Fitted(page, queues, None, queues)
        return
    granted = limit.reserve(queues, part)
    fitting: Fitted[P] | None = None
    try:
        excess = None if granted == queues else first_without_room(page.notifications, granted)
        if excess is not None:
            page = classify(records_before(records, excess.sequence_number))
            queues = Counter(each.queue for each in page.notifications)
        fitting = Fitted(page, queues, None if excess is None else excess.queue, queues)
        yield fitting
    except LeaseLost:
        fitting = None
        raise
    finally:
        limit.release(granted, {} if fitting is None else fitting.used)


def first_without_room(notifications: Iterable[NewNotification], room: Mapping[str, int]) -> NewNotification | None:
    """Return the first of these for which `room` of its queue is used up; None if all fit. Pure.

    Further notifications of one record for one queue need no room: a record is recorded as a whole, and one that
    makes more of them than a queue may hold would hold up its shard for ever.
    """
    left = dict(room)
    record, taken = "", set[str]()
    for each in notifications:
        if each.sequence_number != record:
            record, taken = each.sequence_number, set()
        if each.queue not in taken and left.get(each.queue, 0) <= 0:
            return each
        left[each.queue] -= 1
        taken.add(each.queue)
    return None


def records_before(records: Sequence[dict[str, Any]], number: str) -> Sequence[dict[str, Any]]:
    """Return the records of a page before the one of that sequence number."""
    return records[: next(place for place, each in enumerate(records) if sequence_number(each) == number)]
