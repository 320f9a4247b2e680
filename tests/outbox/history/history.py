"""Days in the past that have rows."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from notifier.notifications import Status
from notifier.outbox import Retention
from tests.outbox.rows import Rows

KEEP = 30
OLD = 40
"""So many days ago is over age."""


def day(ago: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=ago)


def at(ago: int) -> int:
    """Return noon of that day in Unix milliseconds."""
    noon = datetime(*day(ago).timetuple()[:3], 12, tzinfo=UTC)
    return int(noon.timestamp() * 1000)


def recorded(rows: Rows, ago: int, count: int = 3, status: Status = Status.SENT) -> list[UUID]:
    """Record notifications of a day in the past, and put their deliveries into a status. Pending ones have a
    publication.
    """
    first = int(rows.checkpoint or 0) + 1
    page = rows.page(range(first, first + count), at=at(ago))
    ids = [id_ for each in rows.record(page) for id_ in each.ids]
    if status is not Status.PENDING:
        rows.run("DELETE FROM publications")
        put(rows, ids, status)
    return ids


def put(rows: Rows, ids: list[UUID], status: Status) -> None:
    rows.run(
        "UPDATE deliveries SET status = CAST(:status AS delivery_status), attempt = 1, token = gen_random_uuid() "
        "WHERE notification_id = ANY(:ids)",
        ids=ids,
        status=status.value,
    )


def settled(retention: Retention) -> None:
    """Run retention until there is nothing to do."""
    for _ in range(200):
        if not retention.run_once():
            return
    raise AssertionError("retention still finds something to do after 200 rounds")


def partitions(rows: Rows) -> set[date]:
    """Return the days that have a table, attached or not."""
    found = rows.all(
        "SELECT DISTINCT right(relname, 8) AS day FROM pg_class WHERE relkind = 'r' "
        "AND relname ~ '^(notifications|deliveries|delivery_events|feedback)_[0-9]{8}$'"
    )
    return {date.fromisoformat(row["day"]) for row in found}
