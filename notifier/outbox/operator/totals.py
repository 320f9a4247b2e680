"""How many deliveries there are, and whether every record is accounted for.

Of days that retention has counted, the counts are read instead of the rows. All statements of one report share one
snapshot, so that a day which is counted, changed or dropped meanwhile is neither missed nor counted twice.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, TextClause

from notifier.outbox.days import Spans, within_days
from notifier.outbox.history.calendar import joined, read_days
from notifier.outbox.statements import statement

ReportRow = dict[str, Any]
"""A row by the names of its columns."""

_NOT_FINAL = ("pending", "sending", "unknown")
_MOST_STRANDED = 100
SAMPLED_PAGES = 5_000
"""How many pages of a day are read for an estimate: about 100,000 deliveries."""
EXACT_PAGES = 5 * SAMPLED_PAGES
"""Up to so many pages a day is counted: that takes less than a second."""


def listed_deliveries(*statuses: str, newest: bool = False) -> str:
    """Return the fragment for the deliveries of listed days that have, or had, one of these rare statuses; with
    `newest` only the newest :listed of each.
    """
    terms = _terms(statuses)
    return f"{{newest_listed_deliveries {terms}}}" if newest else f"{{listed_deliveries {terms}}}"


def more_listed(*statuses: str) -> str:
    """Return the condition that more than the newest :listed of one of these statuses are listed."""
    return f"{{more_listed {_terms(statuses)}}}"


def _terms(statuses: Iterable[str]) -> str:
    return ", ".join(f"hashtextextended('{each}', 3)" for each in statuses)


_COUNTS = statement(__package__, "count_deliveries.sql")
_SAMPLE = statement(__package__, "sample_deliveries.sql")
_PAGES = statement(__package__, "day_pages.sql")
_COUNTED = statement(__package__, "read_day_counts.sql")
_SHARDS = statement(__package__, "audit_shards.sql")
_STRANDED = {
    False: statement(
        __package__, "stranded_deliveries.sql", candidates="{all_deliveries}", limit=str(_MOST_STRANDED)
    ),
    True: statement(
        __package__,
        "stranded_deliveries.sql",
        candidates=listed_deliveries(*_NOT_FINAL),
        limit=str(_MOST_STRANDED),
    ),
}
"""By whether the search terms of the days are listed: the others are read as a whole."""


def count_deliveries(engine: Engine) -> list[ReportRow]:
    """Return the deliveries by channel and status, with the time at which the oldest of them was recorded.

    This reads each day that is not counted: of ten million deliveries ten seconds.
    """
    with snapshot(engine) as connection:
        recent = joined(each for each in read_days(connection) if not each.counted)
        rows = [*_rows(connection, _COUNTED, ()), *_rows(connection, _COUNTS, recent)]
    return _added_up(rows)


def estimate_deliveries(
    engine: Engine, exact_pages: int = EXACT_PAGES, sampled_pages: int = SAMPLED_PAGES
) -> list[ReportRow]:
    """Return the same at a bounded cost: of a day with more than `exact_pages` pages a sample is read.

    Rows that hold a number of such a day are `estimated`. Their number is that of the sample, multiplied; the oldest
    is that of the sample; and a status that very few deliveries have may be left out.
    """
    with snapshot(engine) as connection:
        recent = [each for each in read_days(connection) if not each.counted]
        pages = day_pages(connection)
        large = [each for each in recent if pages[each.day] > exact_pages]
        small = joined(each for each in recent if each not in large)
        rows = [*_rows(connection, _COUNTED, ()), *_rows(connection, _COUNTS, small)]
        for day in large:
            query = within_days(_SAMPLE, joined([day]))
            percent = 100.0 * min(1.0, sampled_pages / pages[day.day])
            found = connection.execute(query, {"percent": percent}).mappings()
            rows += ({**row, "estimated": True} for row in found)
    return _added_up(rows)


def _added_up(rows: Iterable[ReportRow]) -> list[ReportRow]:
    """Return one row for each channel and status."""
    found: dict[tuple[str, str], ReportRow] = {}
    for row in rows:
        known = found.setdefault((row["channel"], row["status"]), {**row, "deliveries": 0, "estimated": False})
        known["deliveries"] += row["deliveries"]
        known["oldest"] = min(known["oldest"], row["oldest"])
        known["estimated"] |= row.get("estimated", False)
    return [found[key] for key in sorted(found)]


def audit(engine: Engine) -> tuple[list[ReportRow], list[ReportRow]]:
    """Return per shard the counters and the number of rows, and up to 100 deliveries that nothing moves on.

    Both are read a second time if a shard does not balance: retention empties a day with TRUNCATE, which also empties
    it for snapshots that were taken before.
    """
    rows, stranded = _audit(engine)
    return (rows, stranded) if all(map(balances, rows)) else _audit(engine)


def balances(shard: ReportRow) -> bool:
    """True if each record of the shard that was read became a notification, was unrouted or is in quarantine, and no
    record has a notification that is not counted.
    """
    accounted = shard["notified"] + shard["records_unrouted"] + shard["quarantine"]
    return bool(shard["records_read"] == accounted and shard["records_notified"] == shard["notified"])


def _audit(engine: Engine) -> tuple[list[ReportRow], list[ReportRow]]:
    with snapshot(engine) as connection:
        days = read_days(connection)
        recent = joined(each for each in days if not each.counted)
        shards, stranded = _rows(connection, _SHARDS, recent), []
        for listed, query in _STRANDED.items():
            if some := joined(each for each in days if each.listed is listed and each.may_hold(_NOT_FINAL)):
                stranded += _rows(connection, query, some)
        return shards, stranded[:_MOST_STRANDED]


def day_pages(connection: Connection) -> dict[date, int]:
    """Return the size of each day's deliveries, in pages of Postgres."""
    return {row.day: row.pages for row in connection.execute(_PAGES)}


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction in which every statement sees the database as it was at the first one."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        yield connection


def _rows(connection: Connection, query: TextClause, days: Spans) -> list[ReportRow]:
    return [dict(row) for row in connection.execute(within_days(query, days)).mappings()]
