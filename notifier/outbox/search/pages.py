"""What a search returns: a page, a bounded count, failures in groups. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

MOST_COUNTED = 10_000
"""A count ends there: nobody needs to know how many more there are, and it would take as long as there are many."""

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


def grouped(rows: Iterable[Mapping[str, Any]]) -> list[FailureGroup]:
    """Return the failures, the newest first, in groups; the largest group first."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        kind = _VARYING.sub("\0", (row["reason"] or "")[:_LONGEST_REASON])
        groups.setdefault((row["channel"], row["route"], kind), []).append(row)
    found = [
        FailureGroup(
            channel,
            route,
            failed[0]["reason"] or "",
            max(kind.split("\0"), key=len),
            len(failed),
            failed[0]["notification_id"],
            failed[0]["recorded_at"],
        )
        for (channel, route, kind), failed in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.failures, group.channel, group.route))
