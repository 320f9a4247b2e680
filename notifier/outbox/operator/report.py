"""What the outbox holds, for operators. Changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, TextClause, text

from notifier.notifications import Status
from notifier.outbox.days import span, within, within_days
from notifier.outbox.delivery.channels import ChannelState, ChannelStates
from notifier.outbox.history.retention import DaysKept, days_kept
from notifier.outbox.operator.failures import failing
from notifier.outbox.operator.search import Filter, newest
from notifier.outbox.operator.totals import audit, count_deliveries

Row = dict[str, Any]

_SHOW = text("""
SELECT n.*, d.status, d.attempt, d.failures, d.recipient, d.reason, d.next_attempt_at, d.begun_at, d.ended_at,
       d.provider_message_id, d.token, a.name AS actor, s.shard_id, st.arn AS stream_arn
FROM notifications n JOIN deliveries d USING (notification_id)
JOIN shards s ON s.id = n.shard JOIN streams st ON st.id = s.stream_id
LEFT JOIN actors a ON a.id = ('x' || left(d.token::text, 8))::bit(32)::int
WHERE n.notification_id = :id AND in_days(n.notification_id) AND in_days(d.notification_id)
""")

# Ids are ordered, so that all that begin alike lie together.
_IDS = text("""
SELECT notification_id FROM notifications
WHERE notification_id >= :first AND notification_id <= :last AND in_days(notification_id)
ORDER BY notification_id LIMIT :limit
""")

_STATUSES = text("""
SELECT notification_id, status FROM deliveries
WHERE notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(notification_id)
""")

_EVENTS = text("SELECT * FROM delivery_events WHERE notification_id = :id AND in_days(notification_id) ORDER BY at")

_FEEDBACK = text("""
SELECT * FROM feedback WHERE notification_id = :id AND in_days(notification_id) ORDER BY occurred_at, kind
""")

_DUPLICATES = text("""
SELECT notification_id, message_id, detected_at FROM duplicates
WHERE acknowledged_at IS NULL ORDER BY detected_at LIMIT :limit
""")

_ASIDE = text("""
SELECT (SELECT count(*) FROM dead_letters) AS dead_letters, (SELECT count(*) FROM unmatched_feedback) AS unmatched,
       (SELECT count(*) FROM due WHERE kind = 'unknown') AS unknown,
       (SELECT count(*) FROM due WHERE kind = 'held') AS held
""")

_DEAD_LETTERS = text("SELECT id, error, received_at FROM dead_letters ORDER BY id DESC LIMIT :limit")

# How far behind a shard is: everything older than this is recorded. Counts for shards that nobody reads, too.
_SHARDS = text("""
SELECT s.shard_id, s.parent_shard_id, st.table_name, s.state, s.epoch, s.checkpoint, s.last_record_at,
       CASE WHEN s.lease_until > now() THEN s.owner END AS owner,
       CASE WHEN s.state = 'open' THEN round(extract(
         epoch FROM now() - coalesce(greatest(s.caught_up_at, s.last_record_at), s.discovered_at)
       ), 1)::float END AS lag_seconds,
       s.records_read, s.records_notified, s.records_unrouted, s.records_quarantined
FROM shards s JOIN streams st ON st.id = s.stream_id ORDER BY st.table_name, st.id, s.shard_id
""")

_GAPS = text("""
SELECT g.id, s.shard_id, g.reason, g.after_sequence_number, g.after_record_at, g.detected_at
FROM gaps g JOIN shards s ON s.id = g.shard WHERE g.acknowledged_at IS NULL ORDER BY g.id
""")

_QUARANTINE = text("""
SELECT q.id, s.shard_id, q.sequence_number, q.error, q.quarantined_at
FROM quarantine q JOIN shards s ON s.id = q.shard
WHERE q.replayed_at IS NULL AND q.acknowledged_at IS NULL ORDER BY q.id DESC LIMIT :limit
""")


class Report:
    """Answers for `notifier status`, `list`, `show`, `shards` and `audit`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self) -> list[Row]:
        """Deliveries by channel and status, with the time when the oldest of them was recorded."""
        return count_deliveries(self._engine)

    def totals(self) -> dict[Status, int]:
        """Deliveries by status, over all channels."""
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
    ) -> list[Row]:
        """The newest ones, of events from `since` on; where ids are given, of these."""
        return list(newest(self._engine, Filter(status, channel, route, since, ids), limit))

    def ids(self, first: UUID, last: UUID, limit: int) -> list[UUID]:
        """The smallest ids of notifications from `first` to `last`, at most so many."""
        rows = self._rows(within_days(_IDS, span(first, last)), first=first, last=last, limit=limit)
        return [row["notification_id"] for row in rows]

    def statuses(self, ids: Sequence[UUID]) -> dict[UUID, Status]:
        """Where each of these stands; without those that are not there."""
        rows = self._rows(within(_STATUSES, ids), ids=list(ids))
        return {row["notification_id"]: Status(row["status"]) for row in rows}

    def show(self, notification: UUID) -> Row | None:
        return next(iter(self._rows(within(_SHOW, [notification]), id=notification)), None)

    def events(self, notification: UUID) -> list[Row]:
        return self._rows(within(_EVENTS, [notification]), id=notification)

    def feedback(self, notification: UUID) -> list[Row]:
        return self._rows(within(_FEEDBACK, [notification]), id=notification)

    def duplicates(self, limit: int = 50) -> list[Row]:
        """Notifications that the provider accepted twice, and that nobody has acknowledged yet."""
        return self._rows(_DUPLICATES, limit=limit)

    def problem_counts(self) -> Row:
        """What was kept apart: feedback that could not be used or matched, and outcomes that are unknown."""
        return self._rows(_ASIDE)[0]

    def dead_letters(self, limit: int = 50) -> list[Row]:
        return self._rows(_DEAD_LETTERS, limit=limit)

    def channels(self) -> list[ChannelState]:
        return ChannelStates(self._engine, actor="report").all()

    def shards(self) -> list[Row]:
        return self._rows(_SHARDS)

    def gaps(self) -> list[Row]:
        """Records that were lost before anyone could read them, and that nobody has acknowledged yet."""
        return self._rows(_GAPS)

    def quarantine(self, limit: int = 50) -> list[Row]:
        """Records that could not be understood, and that nobody has acknowledged or replayed yet."""
        return self._rows(_QUARANTINE, limit=limit)

    def days(self, keep_days: int) -> DaysKept:
        with self._engine.connect() as connection:
            return days_kept(connection, keep_days)

    def audit(self) -> tuple[list[Row], list[Row]]:
        """Per shard the counters beside the rows, and the deliveries that nothing will move (must be none)."""
        return audit(self._engine)

    def failing(self, days: int) -> list[Row]:
        """The routes that fail, of the events of so many days."""
        return failing(self._engine, days)

    def now(self) -> datetime:
        """The database's clock."""
        now: datetime = self._rows(text("SELECT now() AS now"))[0]["now"]
        return now

    def _rows(self, statement: TextClause, **values: Any) -> list[Row]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement, values).mappings()]
