"""Old days are counted, and dropped whole at the end of their time; old rows of the small tables are deleted.

All of it may run in any number of processes at once and may be killed anywhere. The rules are in functions of the
owner (`alembic/versions/*_retention.py`): a day goes only if it is older than the days to keep and all of its
deliveries are final, which is checked while nobody can write to it.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, text

from notifier.database.errors import DatabaseError, cause, sqlstate
from notifier.database.sessions import is_pooled
from notifier.outbox.history.partitions import TABLES
from notifier.outbox.history.period import RetentionPeriod
from notifier.outbox.operator.journal import journal

log = structlog.get_logger(__name__)

KINDS = (
    "unmatched_feedback",
    "dead_letters",
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
"""Rows that one call counts: a fraction of a second."""

_BATCH = 1_000
"""Rows that one call deletes."""

_REST_SECONDS = 3600.0
"""How long a day that changed after it was counted is left alone before it is counted again."""

_DROP_TRIES, _DROP_PAUSE_SECONDS = 30, 0.25
"""A busy table is seldom free. All tries together take less than the minute for which a day is claimed."""

_CLOCKS_APART_SECONDS = 12 * 3600.0
"""Nothing is deleted by a clock that differs from this process's by so much."""

_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())")

_EXISTING = """
  SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('deliveries')
"""

_TO_COUNT = text(f"""
WITH existing AS ({_EXISTING})
SELECT day FROM existing LEFT JOIN days USING (day)
WHERE day <= (now() AT TIME ZONE 'UTC')::date - 2
  AND (days.state IS NULL OR days.state = 'counting'
       OR days.state = 'changed' AND days.changed_at <= now() - make_interval(secs => :rest))
ORDER BY day LIMIT 20
""")  # noqa: S608  a constant of this module

_COUNT = text("SELECT count_day(:day, :most, make_interval(secs => :rest))")

_OVER_AGE = text(f"""
WITH existing AS ({_EXISTING})
SELECT day, CASE WHEN days.state IN ('empty', 'dropping') THEN 'being dropped' ELSE day_kept(day) END AS reason
FROM existing LEFT JOIN days USING (day)
WHERE day < (now() AT TIME ZONE 'UTC')::date - nullif(days_to_keep(:keep), 0) ORDER BY day
""")  # noqa: S608

_KEPT = text(f"""
WITH existing AS ({_EXISTING})
SELECT count(*) AS days, min(day) AS oldest, coalesce((now() AT TIME ZONE 'UTC')::date - min(day), 0) AS age
FROM existing
""")  # noqa: S608

_SIZES = text("""
SELECT CAST(:day AS date) AS day,
       (SELECT coalesce(sum(deliveries), 0)::int8 FROM day_counts WHERE day = :day) AS deliveries,
       coalesce(sum(pg_total_relation_size(to_regclass(parent || to_char(CAST(:day AS date), '_YYYYMMDD')))), 0)::int8
         AS bytes
FROM unnest(CAST(:tables AS text[])) AS parent
""")

_EMPTY = text("SELECT empty_day(:day, :keep)")
_CLAIM = text("SELECT claim_day()")
_DROP = text("SELECT drop_day(:day)")
_FORGET = text("SELECT forget_rows(:kind, :keep, :most)")
_COUNT_OLD = text("SELECT count_old_rows(:kind, :keep)")

# Only the owner of a table may detach its partitions without an exclusive lock on it: for others this finds nothing.
_TO_DETACH = text("""
SELECT parent.relname AS parent, c.relname AS partition, i.inhdetachpending AS pending
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class parent ON parent.oid = i.inhparent
WHERE c.oid = ANY (SELECT to_regclass(name || to_char(CAST(:day AS date), '_YYYYMMDD'))
                   FROM unnest(CAST(:tables AS text[])) AS name)
  AND pg_has_role(parent.relowner, 'USAGE')
""")

_BUSY = frozenset(("55P03", "55000", "42P01", "57014", "40P01"))
"""A lock was not free at once, another process was faster, or a transaction that is older did not end in time."""


@dataclass(frozen=True, slots=True)
class OldDay:
    """A day that is older than the days to keep. `reason` says why it stays, None where it may go."""

    day: date
    reason: str | None
    deliveries: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class DaysKept:
    """How many days have partitions, the age in days of the oldest one, and how many are over age for each reason.

    A reason is `not counted yet`, `open` (something is pending, sending or unknown), `due` or `being dropped`.
    """

    days: int
    oldest: date | None
    oldest_age: int
    overdue: Mapping[str, int]


@dataclass(slots=True)
class Retained:
    """What a round did: days whose count went on, was finished, that were emptied and dropped; rows by table."""

    counting: int = 0
    counted: int = 0
    emptied: list[date] = field(default_factory=list)
    dropped: list[date] = field(default_factory=list)
    deleted: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything was done: then there may be more."""
        return bool(self.counting or self.counted or self.emptied or self.dropped or self.deleted)


def days_kept(connection: Connection, keep_days: int) -> DaysKept:
    """What `notifier status` and the metrics tell of days. With `keep_days` 0 none is over age."""
    row = connection.execute(_KEPT).one()
    found = connection.execute(_OVER_AGE, {"keep": keep_days}).all() if keep_days else ()
    reasons = Counter("open" if each.reason[-1].isdigit() else each.reason for each in found if each.reason)
    return DaysKept(row.days, row.oldest, row.age, reasons)


class Retention:
    """Keeps `keep_days` whole days before today, or more where the database knows of more (`keeping`); 0 keeps all,
    and still counts them. `explicit`: somebody set the number, it is not the default.
    """

    def __init__(
        self, engine: Engine, keep_days: int, rest: float = _REST_SECONDS, *, explicit: bool = False
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.period = RetentionPeriod(self._engine, keep_days, explicit=explicit)
        self._rest = rest

    def run_once(self) -> Retained:
        """Do one small step of everything that is to be done: no step holds a lock for long."""
        done = Retained()
        self._count(done)
        if (keep := self.period.agreed_days()) and self._clocks_agree():
            self._empty(done, keep)
            self._drop(done)
            self._delete(done, keep)
        return done

    def note(self, actor: str, scope: str, reason: str | None = None) -> None:
        """That an operator has all of it done now; what bridges do by themselves is in their log."""
        with self._engine.connect() as connection:
            journal(connection, actor, "retain", reason, scope)

    def old_days(self) -> list[OldDay]:
        """The days over age, oldest first, with their size."""
        if not (keep := self.period.days()):
            return []
        with self._engine.connect() as connection:
            return [self._sized(connection, *row) for row in self._over_age(connection, keep)]

    def old_rows(self) -> dict[str, int]:
        """How many rows of the small tables may go now, by table."""
        if not (keep := self.period.days()):
            return {}
        with self._engine.connect() as connection:
            return {
                kind: int(connection.execute(_COUNT_OLD, {"kind": kind, "keep": keep}).scalar_one() or 0)
                for kind in KINDS
            }

    def _clocks_agree(self) -> bool:
        """Whether Postgres's clock is like this process's. One that ran ahead would delete what is to be kept."""
        with self._engine.connect() as connection:
            apart = float(connection.execute(_CLOCK).scalar_one()) - time.time()
        if abs(apart) < _CLOCKS_APART_SECONDS:
            return True
        log.critical(
            "ALARM: retention deletes nothing: the clocks of Postgres and of this process differ; set the wrong one",
            hours=round(apart / 3600, 1),
        )
        return False

    @staticmethod
    def _over_age(connection: Connection, keep: int) -> list[tuple[date, str | None]]:
        return [(row.day, row.reason) for row in connection.execute(_OVER_AGE, {"keep": keep})]

    def _sized(self, connection: Connection, day: date, reason: str | None) -> OldDay:
        size = connection.execute(_SIZES, {"day": day, "tables": list(TABLES)}).one()
        return OldDay(day, reason, size.deliveries, size.bytes)

    def _count(self, done: Retained) -> None:
        """Go on with the count of one day: the first one of which a part could be counted."""
        with self._engine.connect() as connection:
            for day in connection.execute(_TO_COUNT, {"rest": self._rest}).scalars().all():
                values = {"day": day, "most": _PART, "rest": self._rest}
                state = _try(lambda: connection.execute(_COUNT, values).scalar_one(), day)  # noqa: B023
                done.counting += state == "counting"
                done.counted += state == "counted"
                if done.counting or done.counted:
                    return

    def _empty(self, done: Retained, keep: int) -> None:
        """Delete the rows of one day, the oldest that may go."""
        with self._engine.connect() as connection:
            for day, reason in self._over_age(connection, keep):
                if reason is not None:
                    continue
                values = {"day": day, "keep": keep}
                if _try(lambda: connection.execute(_EMPTY, values).scalar_one() or "", day) == "":  # noqa: B023
                    done.emptied.append(day)
                    log.info("a day is over age and all of it is final: its rows are deleted", day=str(day))
                    return

    def _drop(self, done: Retained) -> None:
        """Drop the partitions of one empty day."""
        with self._engine.connect() as connection:
            day = connection.execute(_CLAIM).scalar_one()
            if day is not None and _try(lambda: self._drop_partitions(connection, day), day):
                done.dropped.append(day)
                log.info("the partitions of a day are dropped", day=str(day))

    def _drop_partitions(self, connection: Connection, day: date) -> bool:
        if not is_pooled(connection.connection.dbapi_connection):  # with a pooler no timeout would end the statement
            for table, partition, pending in connection.execute(_TO_DETACH, {"day": day, "tables": list(TABLES)}):
                _detach(connection, table, partition, pending)
        for _ in range(_DROP_TRIES):
            state = _try(lambda: connection.execute(_DROP, {"day": day}).scalar_one(), day)
            if state in ("dropped", "gone"):
                return bool(state == "dropped")
            if state is None:
                time.sleep(_DROP_PAUSE_SECONDS)
        return False

    def _delete(self, done: Retained, keep: int) -> None:
        with self._engine.connect() as connection:
            for kind in KINDS:
                values = {"kind": kind, "keep": keep, "most": _BATCH}
                if deleted := _try(lambda: connection.execute(_FORGET, values).scalar_one(), kind):  # noqa: B023
                    done.deleted[kind] = int(deleted)


def _detach(connection: Connection, table: str, partition: str, pending: bool) -> None:
    """Detach a partition without keeping anybody from the rest of the table.

    Killed in between, the detachment stays pending: no statement sees the partition any more, and FINALIZE ends it.
    """
    how = "FINALIZE" if pending else "CONCURRENTLY"
    connection.exec_driver_sql(f"ALTER TABLE {table} DETACH PARTITION {partition} {how}")


def _try(do: Callable[[], Any], name: object) -> Any:
    """The answer, or None where a lock was not free at once: the next round tries again."""
    try:
        return do()
    except DatabaseError as error:
        if sqlstate(error) not in _BUSY:
            raise
        log.info("retention: a lock was not free, will be tried again", name=str(name), reason=cause(error))
        return None
