"""Records that are large are delivered a few at a time."""

from collections.abc import Iterator, Sequence

from notifier.outbox import DueNotification

ROOM_BYTES = 8_000_000
"""Of large records at once, in all units of a process. What a route and the templates make of one is several times as
large for a moment.
"""


def portions(works: Sequence[DueNotification], size: int) -> Iterator[list[DueNotification]]:
    """The works in portions whose records have at most `size` bytes together; a larger one is a portion alone."""
    portion: list[DueNotification] = []
    used = 0
    for work in works:
        if portion and used + work.size > size:
            yield portion
            portion, used = [], 0
        portion.append(work)
        used += work.size
    if portion:
        yield portion
