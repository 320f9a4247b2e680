"""Lists the search terms of days that are over, and drops those of days that are dropped.

Recipients, keys of items and rare statuses of a day are listed in parts, beside its rows, by a function of the owner
(`alembic/versions/*_search_terms.py`). It locks writers of the day out for a moment only, at the beginning. Any
number of processes may do it, and may be killed at any point.
"""

import structlog
from sqlalchemy import Connection

from notifier.outbox.history.dropping import unless_busy
from notifier.outbox.statements import statement

log = structlog.get_logger(__name__)

_PART = 20_000
"""Rows that one call lists: it takes about a second."""

_TO_LIST = statement(__package__, "days_to_list.sql")
_LIST = statement(__package__, "list_day.sql")
_TO_UNLIST = statement(__package__, "days_to_unlist.sql")
_UNLIST = statement(__package__, "unlist_day.sql")


def list_a_part(connection: Connection) -> bool:
    """List the next part of one day. Return whether there was one to list."""
    for day in connection.execute(_TO_LIST).scalars().all():
        values = {"day": day, "most": _PART}
        state = unless_busy(lambda: connection.execute(_LIST, values).scalar_one(), day)  # noqa: B023
        if state == "listed":
            log.info("a day is over: its search terms are listed", day=str(day))
        if state in ("listing", "listed"):
            return True
    return False


def unlist_a_day(connection: Connection) -> bool:
    """Drop the search terms of one day that is dropped. Return whether there was one."""
    for day in connection.execute(_TO_UNLIST).scalars().all():
        if unless_busy(lambda: connection.execute(_UNLIST, {"day": day}).scalar_one(), day):  # noqa: B023
            return True
    return False
