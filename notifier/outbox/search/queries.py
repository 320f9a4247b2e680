"""The statements of searches: what each returns, in which order, and which of two tables it reads first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import TextClause

from notifier.outbox.operator.selection import Selection
from notifier.outbox.records import write
from notifier.outbox.search.ranges import Cursor
from notifier.outbox.statements import statement


class Answer(StrEnum):
    """What a search returns of what matches, as the name of a fragment."""

    PAGE = "{page}"
    COUNT = "{count}"
    MAYBE_SENT = "{maybe_sent}"
    IDS = "{ids}"
    GROUPS = "{groups}"


class Lead(StrEnum):
    """Which rows a step has, as the name of a fragment."""

    DELIVERIES = "{deliveries}"
    NOTIFICATIONS = "{notifications}"
    CANDIDATES = "{candidates}"


_MATCHING = {
    Lead.DELIVERIES: "{matching_deliveries}",
    Lead.NOTIFICATIONS: "{matching_notifications}",
    Lead.CANDIDATES: "{matching_deliveries}",
}
_LAST = {
    Lead.DELIVERIES: "{last_of_step deliveries}",
    Lead.NOTIFICATIONS: "{last_of_step notifications}",
    Lead.CANDIDATES: "CAST(NULL AS uuid)",
}


def _made() -> Mapping[tuple[Answer, Lead, bool], TextClause]:
    """All statements, read once; the last part of the key is whether the newest come first."""
    found = {}
    for answer in Answer:
        for lead in Lead:
            for newest_first in (True, False):
                found[answer, lead, newest_first] = statement(
                    __package__,
                    "find.sql",
                    step=lead.value,
                    matching=_MATCHING[lead],
                    answer=answer.value,
                    last=_LAST[lead],
                    direction="DESC" if newest_first else "ASC",
                )
    return MappingProxyType(found)


_FIND = _made()
_LISTED = {
    newest_first: statement(__package__, "listed.sql", direction="DESC" if newest_first else "ASC")
    for newest_first in (True, False)
}


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, between which ids, and what is to be returned of it."""

    selection: Selection
    statuses: Sequence[str]
    answer: Answer
    cursor: Cursor

    @property
    def read(self) -> TextClause:
        """The statement that reads a part of a day."""
        return _FIND[self.answer, self._lead, self.cursor.newest_first]

    @property
    def fetch(self) -> TextClause:
        """The statement that reads deliveries by their ids."""
        return _FIND[self.answer, Lead.CANDIDATES, self.cursor.newest_first]

    @property
    def listed(self) -> TextClause:
        """The statement that looks up a term."""
        return _LISTED[self.cursor.newest_first]

    @property
    def _lead(self) -> Lead:
        """Notifications, if only they have what is looked for: few deliveries have to be looked up then."""
        selection = self.selection
        of_delivery = self.statuses or selection.because or selection.recipients or selection.scheduled
        of_notification = selection.keys or selection.route or selection.table or selection.channel
        return Lead.NOTIFICATIONS if of_notification and not of_delivery else Lead.DELIVERIES

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of the conditions."""
        return {
            **self.selection.values(),
            "statuses": list(self.statuses),
            "recipients": list(self.selection.recipients),
            "keys": list(self.selection.keys),
            "needle": write(self.selection.keys[0]) if self.selection.keys else b"",
        }
