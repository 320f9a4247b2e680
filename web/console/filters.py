"""Which notifications a person asks for: the fields of a form, and of the address of the page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from notifier.channels import spellings
from notifier.errors import UsageError
from notifier.notifications import Status
from notifier.operating.ids import matching
from notifier.operating.times import in_utc
from notifier.outbox import SCHEDULED, Report, Selection

PERIODS: Mapping[str, timedelta | None] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "all": None,
}
DEFAULT_PERIOD = "7d"
_MOST_OF_PREFIX = 50
_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}", re.IGNORECASE)
_RECIPIENT = re.compile(r".*@.*|\+[\d ()./-]{5,}|https?://.*")


@dataclass(frozen=True, slots=True)
class Filter:
    """The fields as they were given; an empty one selects all.

    `find` is an id or its first eight characters, a recipient, or a key of the item: what looks like an id is a key
    if no notification has that id, for keys are often UUIDs and numbers. `period` is one of PERIODS, and counts only
    where neither `since` nor `until` nor `find` is given: a person's notifications are of all days.
    """

    find: str = ""
    status: str = ""
    channel: str = ""
    route: str = ""
    table: str = ""
    because: str = ""
    period: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Filter":
        return cls(**{each.name: given.get(each.name, "").strip() for each in fields(cls)})

    @property
    def query(self) -> str:
        """The filter as a part of an address."""
        return urlencode({each.name: value for each in fields(self) if (value := getattr(self, each.name))})

    @property
    def statuses(self) -> list[str]:
        """Raise UsageError for a status that does not exist."""
        if self.scheduled:
            return [Status.PENDING]
        named = [self.status] if self.status else []
        for each in named:
            if each not in set(Status):
                raise UsageError(f"No status is called {each!r}.")
        return named

    @property
    def scheduled(self) -> bool:
        """Whether only those are wanted that wait because their route returned `Later`."""
        return self.status == SCHEDULED

    def selection(self, report: Report) -> Selection:
        """Return what is selected. Raise UsageError for a field that makes no sense."""
        since, until = moment(self.since), moment(self.until)
        if since and until and since >= until:
            raise UsageError("The first time must be before the second.")
        found = Selection(
            channel=self.channel, route=self.route, table=self.table, because=self.because, since=since, until=until,
            scheduled=self.scheduled,
        )  # fmt: skip
        if ids := _ids(report, self.find):
            return replace(found, ids=ids)
        if self.find:
            person = _RECIPIENT.fullmatch(self.find)
            return (
                replace(found, recipients=tuple(spellings(self.find, self.channel)))
                if person
                else replace(found, keys=(self.find,))
            )
        if since or until:
            return found
        back = PERIODS.get(self.period or DEFAULT_PERIOD, PERIODS[DEFAULT_PERIOD])
        if back is None:
            return found
        return replace(found, since=(report.now() - back).replace(second=0, microsecond=0))


def _ids(report: Report, given: str) -> Sequence[UUID]:
    """Return the notifications whose ids are this, or begin with it; none if it is no id, or that of none."""
    if not _ID.fullmatch(given):
        return ()
    try:
        return matching(report, [given], _MOST_OF_PREFIX)
    except UsageError:
        return ()


def cursor(given: str) -> UUID | None:
    """Return the end of a page. Raise UsageError if it is no id."""
    try:
        return UUID(given) if given else None
    except ValueError:
        raise UsageError("This page does not exist: its address is not whole.") from None


def moment(text: str) -> datetime | None:
    """Return a time, in UTC unless it says otherwise; None for empty. Raise UsageError if it is none."""
    try:
        return in_utc(text) if text else None
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is not a time, as 2026-01-31T12:00.") from None
