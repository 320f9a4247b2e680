"""Which ids a search reads: those of the days that may hold what it is for, in order, cut at a cursor. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from notifier.notifications import Status
from notifier.outbox.days import Spans
from notifier.outbox.history.calendar import Day, first_id_at, joined, whole
from notifier.outbox.operator.selection import Selection


@dataclass(frozen=True, slots=True)
class IdRange:
    """Ids from `first` on and before `end`, in the partitions of `spans`.

    `listed`: the search terms of these days are listed, and the search has one; the range is then of many days.
    Otherwise it is of one day, whose rows are examined.
    """

    first: UUID
    end: UUID
    spans: Spans
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a search looks up in listed days: values of one kind (see listed.sql), one of which a notification has."""

    kind: int
    values: Sequence[str]


_RECIPIENT, _KEY, _STATUS = 1, 2, 3
_NOT_LISTED = frozenset((Status.SENT, Status.DELIVERED, Status.SKIPPED, Status.SHADOWED, Status.MERGED))
"""What most notifications are: they are not listed. The function `is_rare` of the database has the same."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Between which ids a search looks, and whether the newest come first: from `after` (exclusive) to `before`."""

    before: UUID | None = None
    after: UUID | None = None
    newest_first: bool = True

    @property
    def first(self) -> UUID:
        return UUID(int=self.after.int + 1) if self.after else UUID(int=0)

    @property
    def end(self) -> UUID:
        return self.before or UUID(int=(1 << 128) - 1)


def terms(selection: Selection, statuses: Sequence[str]) -> Terms | None:
    """Return the terms that the fewest notifications have; None if the search has none."""
    if selection.recipients:
        return Terms(_RECIPIENT, selection.recipients)
    if selection.keys:
        return Terms(_KEY, selection.keys[:1])
    if statuses and not _NOT_LISTED.intersection(statuses):
        return Terms(_STATUS, statuses)
    return None


def ranges(
    days: Sequence[Day], selection: Selection, statuses: Sequence[str], cursor: Cursor, *, has_terms: bool
) -> Iterator[IdRange]:
    """Yield the days that may hold such deliveries, in the order of the cursor; listed days next to each other as one
    range.
    """
    first = max(cursor.first, first_id_at(selection.since)) if selection.since else cursor.first
    end = min(cursor.end, first_id_at(selection.until)) if selection.until else cursor.end
    found = [
        each
        for each in (reversed(days) if cursor.newest_first else days)
        if max(first, whole(each).first) < min(end, whole(each).end) and each.may_hold(statuses, selection.channel)
    ]
    for listed, group in groupby(found, lambda day: has_terms and day.listed):
        some = list(group)
        for part in [some] if listed else [[each] for each in some]:
            ends = [whole(each) for each in part]
            start, stop = min(each.first for each in ends), max(each.end for each in ends)
            yield IdRange(max(first, start), min(end, stop), joined(part), listed)
