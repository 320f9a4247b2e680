"""What operators read from the outbox. Changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, TextClause

from notifier.lanes import Lane, parts_of
from notifier.outbox.days import span, within, within_days
from notifier.outbox.delivery.channels import ChannelState, ChannelStates
from notifier.outbox.history.old_days import DaysKept, days_kept
from notifier.outbox.operator.failures import estimate_failing, failing
from notifier.outbox.operator.totals import ReportRow, audit, count_deliveries, estimate_deliveries
from notifier.outbox.operator.waiting import Waiting, waiting
from notifier.outbox.publishing.backlog import backlog
from notifier.outbox.statements import statement
from notifier.outbox.status_updates.backlog import DestinationBacklog, update_backlog
from notifier.outbox.stream.status import StreamStatus, TableRecords

_SHOW = statement(__package__, "show.sql")
_IDS = statement(__package__, "ids_between.sql")
_STATUSES = statement(__package__, "read_statuses.sql")
_LEADERS = statement(__package__, "read_leaders.sql")
_EVENTS = statement(__package__, "read_events.sql")
_FEEDBACK = statement(__package__, "read_feedback.sql")
_DUPLICATES = statement(__package__, "read_duplicates.sql")
_PROBLEM_COUNTS = statement(__package__, "read_problem_counts.sql")
_OPEN = statement(__package__, "read_open.sql")
_DEAD_LETTERS = statement(__package__, "read_dead_letters.sql")
_SHARDS = statement(__package__, "read_shards.sql")
_FINISHED_SHARDS = statement(__package__, "count_finished_shards.sql")
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

    def estimates(self) -> list[ReportRow]:
        """Return the same at a bounded cost. Numbers that come from a sample of a large day are `estimated`."""
        return estimate_deliveries(self._engine)

    def totals(self) -> dict[str, int]:
        """Return the deliveries by status, of all channels; also of statuses that only a newer program knows."""
        totals: dict[str, int] = {}
        for row in self.counts():
            totals[row["status"]] = totals.get(row["status"], 0) + row["deliveries"]
        return totals

    def ids(self, first: UUID, last: UUID, limit: int) -> list[UUID]:
        """Return the smallest ids of notifications from `first` to `last`, at most `limit`."""
        rows = self._rows(within_days(_IDS, span(first, last)), first=first, last=last, limit=limit)
        return [row["notification_id"] for row in rows]

    def statuses(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return the statuses of those of `ids` that exist."""
        if not ids:
            return {}
        rows = self._rows(within(_STATUSES, ids), ids=list(ids))
        return {row["notification_id"]: row["status"] for row in rows}

    def leaders(self, ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """Return of those of `ids` that wait for the message of their digest whose message it is: its leader."""
        if not ids:
            return {}
        rows = self._rows(within(_LEADERS, ids), ids=list(ids))
        return {row["notification_id"]: row["leader"] for row in rows}

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

    def open(self) -> ReportRow:
        """Return the database's time as `until`, and how many records in `quarantine`, `duplicates` and
        `dead_letters` are open up to then: what an operator may acknowledge as a whole. `unknown` and `held` are the
        numbers of unknown outcomes, of those that wait for evidence and of those that are held for an operator.
        """
        return self._rows(_OPEN)[0]

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

    def lanes(self) -> list[ReportRow]:
        """Return how many deliveries wait in each lane, of channels that have some in another than the normal one."""
        with self._engine.connect() as connection:
            found = {parts_of(queue): each.deliveries for queue, each in backlog(connection).items()}
        used = {channel for (channel, lane), count in found.items() if lane is not Lane.NORMAL and count}
        return [
            {"channel": channel, "lane": lane.value, "waiting": found.get((channel, lane), 0)}
            for channel in sorted(used)
            for lane in Lane
        ]

    def status_updates(self) -> list[DestinationBacklog]:
        """Return what waits for each destination of status updates."""
        with self._engine.connect() as connection:
            return update_backlog(connection)

    def shards(self, finished: int | None = None) -> list[ReportRow]:
        """Return the shards with their lease, lag and counters: of those that are read to their end the `finished`
        that ended last, None for all.
        """
        return self._rows(_SHARDS, finished=finished)

    def finished_shards(self) -> int:
        """Return how many shards are read to their end."""
        count: int = self._rows(_FINISHED_SHARDS)[0]["finished"]
        return count

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

    def failing(self, days: int, until: datetime | None = None) -> list[ReportRow]:
        """Return the failing routes, of the events of so many days: see `failures.failing`."""
        return failing(self._engine, days, until)

    def failing_estimates(self, days: int) -> list[ReportRow]:
        """Return the same at a bounded cost. Numbers that come from a part of the failures are `estimated`."""
        return estimate_failing(self._engine, days)

    def waiting(self) -> Waiting:
        """Return the routes that deliveries wait for, and the parked parts of accounts: see `waiting.waiting`."""
        return waiting(self._engine)

    def records(self) -> list[TableRecords]:
        """Return how many records of each table were read, and how many of them no route claims."""
        return StreamStatus(self._engine).records()

    def now(self) -> datetime:
        """Return the database's time."""
        now: datetime = self._rows(_NOW)[0]["now"]
        return now

    def _rows(self, query: TextClause, **values: Any) -> list[ReportRow]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query, values).mappings()]
