"""Deletes what is older than the days to keep: days are counted and then dropped whole, and old rows of small tables.

Any number of processes may do it at once, and may be killed at any point. The rules are in functions of the tables'
owner (`alembic/versions/*_retention.py`): a day is deleted only if it is older than the days to keep and all of its
deliveries are final, which is checked while no process can write to it.
"""

import time
from dataclasses import dataclass, field
from datetime import date

import structlog
from sqlalchemy import Connection, Engine

from notifier.outbox.delivery.places import end_places
from notifier.outbox.history.dropping import drop_a_day, unless_busy
from notifier.outbox.history.listing import list_a_part, unlist_a_day
from notifier.outbox.history.old_days import OldDay, old_days, over_age
from notifier.outbox.history.period import RetentionPeriod
from notifier.outbox.operator.journal import journal
from notifier.outbox.statements import statement

log = structlog.get_logger(__name__)

KINDS = (
    "unmatched_feedback",
    "dead_letters",
    "status_updates",
    "quarantine",
    "duplicates",
    "feedback_hours",
    "shards",
    "streams",
    "actors",
    "operations",
)
"""Tables whose old rows are deleted, in this order: a shard stays while it has records in quarantine."""

_PART = 200_000
"""Rows that one call counts: it takes a fraction of a second."""

_BATCH = 1_000
"""Rows that one call deletes."""

_REST_SECONDS = 3600.0
"""A day that changed after it was counted is counted again after so many seconds without a change."""

_CLOCKS_APART_SECONDS = 12 * 3600.0
"""Nothing is deleted while the clocks of Postgres and of this process differ by so much."""

_CLOCK = statement(__package__, "clock.sql")
_TO_COUNT = statement(__package__, "days_to_count.sql")
_COUNT = statement(__package__, "count_day.sql")
_EMPTY = statement(__package__, "empty_day.sql")
_DELETE = statement(__package__, "delete_old_rows.sql")
_COUNT_OLD = statement(__package__, "count_old_rows.sql")


@dataclass(slots=True)
class Retained:
    """What one round did: how many days it went on counting (`counting`) and finished counting (`counted`), how
    many parts of the search terms of days it listed or dropped (`listed`), the days whose rows were deleted
    (`emptied`) and whose partitions were dropped, and how many rows were deleted, by table.
    """

    counting: int = 0
    counted: int = 0
    listed: int = 0
    emptied: list[date] = field(default_factory=list)
    dropped: list[date] = field(default_factory=list)
    deleted: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything was done: then there may be more to do."""
        return bool(self.counting or self.counted or self.listed or self.emptied or self.dropped or self.deleted)


class Retention:
    """Keeps `keep_days` whole days before today, or more if `RetentionPeriod` says so. 0 keeps all days, and still
    counts them. `explicit`: the number was set, and is not the default.
    """

    def __init__(
        self, engine: Engine, keep_days: int, rest: float = _REST_SECONDS, *, explicit: bool = False
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.period = RetentionPeriod(self._engine, keep_days, explicit=explicit)
        self._rest = rest

    def run_once(self) -> Retained:
        """Do one small step of everything that is to be done; no step holds a lock for long. Return what was done."""
        done = Retained()
        with self._engine.connect() as connection:
            self._count(connection, done)
        with self._engine.connect() as connection:
            done.listed = list_a_part(connection) + unlist_a_day(connection)
            if ended := end_places(connection, _BATCH):
                done.deleted["limit_places"] = ended
        if (keep := self.period.agreed_days()) and self._clocks_agree():
            with self._engine.connect() as connection:
                self._empty(connection, done, keep)
            with self._engine.connect() as connection:
                if (day := drop_a_day(connection)) is not None:
                    done.dropped.append(day)
                    log.info("the partitions of a day are dropped", day=str(day))
            with self._engine.connect() as connection:
                self._delete(connection, done, keep)
        return done

    def note(self, actor: str, scope: str, reason: str | None = None) -> None:
        """Record in the journal of operations that an operator runs retention now. Bridges only log what they do."""
        with self._engine.connect() as connection:
            journal(connection, actor, "retain", reason, scope)

    def old_days(self) -> list[OldDay]:
        """Return the days over age, oldest first, with their sizes."""
        if not (keep := self.period.days()):
            return []
        with self._engine.connect() as connection:
            return list(old_days(connection, keep))

    def old_rows(self) -> dict[str, int]:
        """Return how many rows of the small tables may be deleted now, by table."""
        if not (keep := self.period.days()):
            return {}
        with self._engine.connect() as connection:
            return {
                kind: int(connection.execute(_COUNT_OLD, {"kind": kind, "keep": keep}).scalar_one() or 0)
                for kind in KINDS
            }

    def _clocks_agree(self) -> bool:
        """Return whether the clocks of Postgres and of this process agree: a fast one would delete too much."""
        with self._engine.connect() as connection:
            apart = float(connection.execute(_CLOCK).scalar_one()) - time.time()
        if abs(apart) < _CLOCKS_APART_SECONDS:
            return True
        log.critical(
            "ALARM: retention deletes nothing: the clocks of Postgres and of this process differ; set the wrong one",
            hours=round(apart / 3600, 1),
        )
        return False

    def _count(self, connection: Connection, done: Retained) -> None:
        """Go on with the count of one day: the first of which a part could be counted."""
        for day in connection.execute(_TO_COUNT, {"rest": self._rest}).scalars().all():
            values = {"day": day, "most": _PART, "rest": self._rest}
            state = unless_busy(lambda: connection.execute(_COUNT, values).scalar_one(), day)  # noqa: B023
            done.counting += state == "counting"
            done.counted += state == "counted"
            if done.counting or done.counted:
                return

    def _empty(self, connection: Connection, done: Retained, keep: int) -> None:
        """Delete the rows of one day, the oldest that may be deleted."""
        for day, reason in over_age(connection, keep):
            if reason is not None:
                continue
            values = {"day": day, "keep": keep}
            if unless_busy(lambda: connection.execute(_EMPTY, values).scalar_one() or "", day) == "":  # noqa: B023
                done.emptied.append(day)
                log.info("a day is over age and all of its deliveries are final: its rows are deleted", day=str(day))
                return

    def _delete(self, connection: Connection, done: Retained, keep: int) -> None:
        for kind in KINDS:
            values = {"kind": kind, "keep": keep, "most": _BATCH}
            if deleted := unless_busy(lambda: connection.execute(_DELETE, values).scalar_one(), kind):  # noqa: B023
                done.deleted[kind] = int(deleted)
