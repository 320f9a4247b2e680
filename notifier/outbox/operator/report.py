"""What operators read from the outbox. Changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, TextClause

from notifier.notifications import Status
from notifier.outbox.days import span, within, within_days
from notifier.outbox.delivery.channels import ChannelState, ChannelStates
from notifier.outbox.history.old_days import DaysKept, days_kept
from notifier.outbox.operator.failures import failing
from notifier.outbox.operator.selection import Selection
from notifier.outbox.operator.totals import ReportRow, audit, count_deliveries
from notifier.outbox.search.search import Search
from notifier.outbox.statements import statement
from notifier.outbox.status_updates.backlog import DestinationBacklog, update_backlog

_SHOW = statement(__package__, "show.sql")
_IDS = statement(__package__, "ids_between.sql")
_STATUSES = statement(__package__, "read_statuses.sql")
_EVENTS = statement(__package__, "read_events.sql")
_FEEDBACK = statement(__package__, "read_feedback.sql")
_DUPLICATES = statement(__package__, "read_duplicates.sql")
_PROBLEM_COUNTS = statement(__package__, "read_problem_counts.sql")
_DEAD_LETTERS = statement(__package__, "read_dead_letters.sql")
_SHARDS = statement(__package__, "read_shards.sql")
_UNKNOWNS = statement(__package__, "read_unknowns.sql")
_GAPS = statement(__package__, "read_gaps.sql")
_QUARANTINE = statement(__package__, "read_quarantine.sql")
_NOW = statement(__package__, "read_now.sql")


class Report:
    """The rows that `notifier status`, `list`, `show`, `shards`, `audit` and the console show."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self) -> list[ReportRow]:
        """Return the deliveries by channel and status, with the time at which the oldest of them was recorded."""
        return count_deliveries(self._engine)

    def totals(self) -> dict[Status, int]:
        """Return the deliveries by status, of all channels."""
        totals: dict[Status, int] = {}
        for row in self.counts():
            totals[Status(row["status"])] = totals.get(Status(row["status"]), 0) + row["deliveries"]
        return totals

    def deliveries(
        self,
        *,
        ids: Sequence[UUID] = (),
        status: str = "",
        channel: str = "",
        route: str = "",
        since: datetime | None = None,
        limit: int = 50,
    ) -> list[ReportRow]:
        """Return the newest deliveries, at most `limit`, of events from `since` on. An empty value selects all.

        `Search` has more to select by, and pages.
        """
        selection = Selection(ids, channel, route, since=since)
        found = Search(self._engine, budget=None).page(selection, [status] if status else [], limit=limit)
        return list(found.rows)

    def ids(self, first: UUID, last: UUID, limit: int) -> list[UUID]:
        """Return the smallest ids of notifications from `first` to `last`, at most `limit`."""
        rows = self._rows(within_days(_IDS, span(first, last)), first=first, last=last, limit=limit)
        return [row["notification_id"] for row in rows]

    def statuses(self, ids: Sequence[UUID]) -> dict[UUID, Status]:
        """Return the statuses of those of `ids` that exist."""
        rows = self._rows(within(_STATUSES, ids), ids=list(ids))
        return {row["notification_id"]: Status(row["status"]) for row in rows}

    def show(self, notification: UUID) -> ReportRow | None:
        """Return a notification with its delivery; None if it does not exist."""
        return next(iter(self._rows(within(_SHOW, [notification]), id=notification)), None)

    def events(self, notification: UUID) -> list[ReportRow]:
        """Return the changes of status of a delivery, the oldest first."""
        return self._rows(within(_EVENTS, [notification]), id=notification)

    def feedback(self, notification: UUID) -> list[ReportRow]:
        """Return the provider's events on a notification, the oldest first."""
        return self._rows(within(_FEEDBACK, [notification]), id=notification)

    def duplicates(self, limit: int = 50) -> list[ReportRow]:
        """Return the notifications that the provider accepted twice and no operator has acknowledged."""
        return self._rows(_DUPLICATES, limit=limit)

    def problem_counts(self) -> ReportRow:
        """Return the numbers of open dead letters, of events without a notification, and of unknown outcomes."""
        return self._rows(_PROBLEM_COUNTS)[0]

    def unknowns(self, limit: int = 50) -> list[ReportRow]:
        """Return deliveries whose outcome is unknown, at most `limit` of each kind: those that are held for an
        operator, then the others, which are decided at `due_at`.
        """
        return self._rows(_UNKNOWNS, limit=limit)

    def dead_letters(self, limit: int = 50) -> list[ReportRow]:
        """Return the newest messages of the feedback queue that cannot be used and are not acknowledged."""
        return self._rows(_DEAD_LETTERS, limit=limit)

    def channels(self) -> list[ChannelState]:
        """Return the states of the channels that were ever changed."""
        return ChannelStates(self._engine, actor="report").all()

    def status_updates(self) -> list[DestinationBacklog]:
        """Return what waits for each destination of status updates."""
        with self._engine.connect() as connection:
            return update_backlog(connection)

    def shards(self) -> list[ReportRow]:
        """Return all shards with their lease, lag and counters."""
        return self._rows(_SHARDS)

    def gaps(self) -> list[ReportRow]:
        """Return the gaps that no operator has acknowledged: records that were lost before a bridge read them."""
        return self._rows(_GAPS)

    def quarantine(self, limit: int = 50) -> list[ReportRow]:
        """Return records that could not be understood, and that no operator has acknowledged or replayed."""
        return self._rows(_QUARANTINE, limit=limit)

    def days(self, keep_days: int) -> DaysKept:
        """Return which days there are, beside the days that are to be kept."""
        with self._engine.connect() as connection:
            return days_kept(connection, keep_days)

    def audit(self) -> tuple[list[ReportRow], list[ReportRow]]:
        """Return per shard the counters and the rows, and deliveries that nothing moves on: see `totals.audit`."""
        return audit(self._engine)

    def failing(self, days: int) -> list[ReportRow]:
        """Return the failing routes, of the events of so many days: see `failures.failing`."""
        return failing(self._engine, days)

    def now(self) -> datetime:
        """Return the database's time."""
        now: datetime = self._rows(_NOW)[0]["now"]
        return now

    def _rows(self, query: TextClause, **values: Any) -> list[ReportRow]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query, values).mappings()]
