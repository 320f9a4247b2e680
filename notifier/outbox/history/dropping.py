"""Drops the partitions of a day whose rows are deleted, without making other statements wait."""

import time
from collections.abc import Callable
from datetime import date
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from notifier.database.errors import DatabaseError, cause, sqlstate
from notifier.database.sessions import is_pooled
from notifier.outbox.history.partitions import TABLES
from notifier.outbox.statements import statement

log = structlog.get_logger(__name__)

_CLAIM = statement(__package__, "claim_day.sql")
_TO_DETACH = statement(__package__, "partitions_to_detach.sql")
_DROP = statement(__package__, "drop_day.sql")

_TRIES, _PAUSE_SECONDS = 30, 0.25
"""A lock on a busy table is seldom free. All tries together take less than the minute for which a day is claimed."""

_BUSY = frozenset(("55P03", "55000", "42P01", "57014", "40P01"))
"""A lock was not free at once, another process was faster, or an older transaction did not end in time."""

_Answer = TypeVar("_Answer")


def drop_a_day(connection: Connection) -> date | None:
    """Drop the partitions of one empty day; return the day, None if there is none or its tables were busy.

    A process that is killed in between leaves the rest to others, after the minute for which the day is claimed.
    """
    day: date | None = connection.execute(_CLAIM).scalar_one()
    return day if day is not None and unless_busy(lambda: _drop(connection, day), day) else None


def unless_busy(do: Callable[[], _Answer], name: object) -> _Answer | None:
    """Return what `do` returns, or None if a lock was not free at once: the next round tries again."""
    try:
        return do()
    except DatabaseError as error:
        if sqlstate(error) not in _BUSY:
            raise
        log.info("retention: a lock was not free, will be tried again", name=str(name), reason=cause(error))
        return None


def _drop(connection: Connection, day: date) -> bool:
    """Return whether this call dropped the last partition of the day."""
    if not is_pooled(connection.connection.dbapi_connection):  # behind a pooler no timeout would end the statement
        for table, partition, pending in connection.execute(_TO_DETACH, {"day": day, "tables": list(TABLES)}):
            _detach(connection, table, partition, pending)
    for _ in range(_TRIES):
        state = unless_busy(lambda: str(connection.execute(_DROP, {"day": day}).scalar_one()), day)
        if state in ("dropped", "gone"):
            return state == "dropped"
        if state is None:
            time.sleep(_PAUSE_SECONDS)
    return False


def _detach(connection: Connection, table: str, partition: str, pending: bool) -> None:
    """Detach a partition without a lock that other statements on the table wait for.

    If the process is killed in between, the detachment stays pending: no statement sees the partition any more, and
    FINALIZE completes it.
    """
    how = "FINALIZE" if pending else "CONCURRENTLY"
    connection.exec_driver_sql(f"ALTER TABLE {table} DETACH PARTITION {partition} {how}")
