"""What a search returns: a page, a bounded count, failures in groups. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from notifier.notifications import created_ms

MOST_COUNTED = 10_000
"""A count ends there, because counting more would take long and the exact number is not needed."""

_VARYING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+(?:\.\d+)?")
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Found:
    """A page of deliveries, the newest first.

    `older` and `newer` are where the next page begins in each direction: `Search.page(older_than=found.older)`; None
    if there is none. `complete` is false if the search ended for lack of time: then the page may have fewer rows, and
    the search goes on with the next one.
    """

    rows: Sequence[dict[str, Any]]
    older: UUID | None = None
    newer: UUID | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Count:
    """How many deliveries were counted; `more`: there are more of them, `complete` false: there may be more."""

    number: int
    more: bool = False
    complete: bool = True

    def __str__(self) -> str:
        if self.more:
            return f"more than {self.number:,}"
        return f"{self.number:,}" if self.complete else f"at least {self.number:,}"


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one channel and route for one reason.

    Reasons that differ in numbers and ids only are one: `reason` is the newest. `because` is the longest text that
    all of them contain, for `Selection.because`.
    """

    channel: str
    route: str
    reason: str
    because: str
    failures: int
    newest_id: UUID
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in groups, the largest first; `complete` is false if these are only the newest `number` failures."""

    groups: Sequence[FailureGroup]
    complete: bool = True

    @property
    def number(self) -> int:
        return sum(each.failures for each in self.groups)


def grouped(rows: Iterable[Mapping[str, Any]]) -> list[FailureGroup]:
    """Return rows of `groups.sql` with equal kinds of reasons as one group; the largest group first.

    Each row has `matched` failures of one channel, route and reason, and the id of the newest.
    """
    kinds: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        kind = _VARYING.sub("\0", (row["reason"] or "")[:_LONGEST_REASON])
        kinds.setdefault((row["channel"], row["route"], kind), []).append(row)
    groups = [_group(key, failed) for key, failed in kinds.items()]
    return sorted(groups, key=lambda group: (-group.failures, group.channel, group.route))


def _group(key: tuple[str, str, str], rows: Sequence[Mapping[str, Any]]) -> FailureGroup:
    channel, route, kind = key
    newest = max(rows, key=lambda row: row["notification_id"])
    id_: UUID = newest["notification_id"]
    return FailureGroup(
        channel,
        route,
        newest["reason"] or "",
        max(kind.split("\0"), key=len),
        sum(row["matched"] for row in rows),
        id_,
        datetime.fromtimestamp(created_ms(id_) / 1000, UTC),
    )
