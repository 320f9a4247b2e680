"""What an operator does to deliveries: resolve, cancel, redrive. Each with a reason, each in the journal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause, text

from notifier.notifications import Status, created_ms
from notifier.outbox.days import within, within_days
from notifier.outbox.history.calendar import DAY_MS, Window, read_days, whole, windows
from notifier.outbox.operator.journal import journal

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries; what is empty selects all. `reason` is a part of the reason that the delivery shows.

    `since` and `until` are times of the event.
    """

    ids: Sequence[UUID] = ()
    channel: str = ""
    route: str = ""
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        """What the journal keeps."""
        given = {"channel": self.channel, "route": self.route, "reason": self.reason,
                 "since": self.since and self.since.isoformat(), "until": self.until and self.until.isoformat(),
                 "ids": ",".join(map(str, self.ids[:20])) + ("…" if len(self.ids) > 20 else "")}  # noqa: PLR2004  # fmt: skip
        return " ".join(f"{name}={value}" for name, value in given.items() if value) or "all"

    def values(self) -> dict[str, Any]:
        return {
            "any": not self.ids,
            "ids": list(self.ids),
            "channel": self.channel,
            "route": self.route,
            "reason": self.reason,
        }

    def windows(self, connection: Connection, status: Status) -> list[Window]:
        """The hours that may hold such deliveries, oldest first."""
        days = [each for each in read_days(connection) if each.may_hold([status], self.channel)]
        if not self.ids:
            return list(windows(days, self.since, self.until))
        numbers = {created_ms(each) // DAY_MS for each in self.ids}
        return [whole(each) for each in days if each.number in numbers]


_SELECTED = """
  FROM deliveries d JOIN notifications n USING (notification_id)
  WHERE d.status = CAST(:status AS delivery_status)
    AND d.notification_id >= :first AND d.notification_id < :end
    AND n.notification_id >= :first AND n.notification_id < :end
    AND in_days(d.notification_id) AND in_days(n.notification_id)
    AND (:any OR d.notification_id = ANY(CAST(:ids AS uuid[])))
    AND (:channel = '' OR n.channel = :channel) AND (:route = '' OR n.route = :route)
    AND (:reason = '' OR strpos(d.reason, :reason) > 0)
"""

# Given up by a policy or by an operator, without an answer: the event of an answer says when its attempt began.
_MAYBE_SENT = """EXISTS (
  SELECT FROM delivery_events e
  WHERE e.notification_id = d.notification_id AND in_days(e.notification_id) AND e.attempt = d.attempt
    AND e.status_from = 'unknown' AND e.status_to = 'failed' AND e.begun_at IS NULL
)"""

_COUNT = text(f"SELECT count(*) {_SELECTED}")

_COUNT_MAYBE_SENT = text(f"SELECT count(*) {_SELECTED} AND {_MAYBE_SENT}")

_TAKE = text(f"""
SELECT d.notification_id, n.channel {_SELECTED} AND (:maybe_sent OR NOT {_MAYBE_SENT})
ORDER BY d.notification_id LIMIT :limit FOR UPDATE OF d
""")

# The delays spread what is redriven over time, so that it does not crowd out what is new.
_MOVE = text("""
WITH chosen AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:channels AS text[]), CAST(:delays AS float8[]))
    AS chosen (id, channel, delay)
), changed AS (
  UPDATE deliveries d SET
    status = CAST(:to AS delivery_status), reason = :reason,
    ended_at = CASE :to WHEN 'pending' THEN d.ended_at ELSE now() END,
    failures = CASE :to WHEN 'pending' THEN 0 ELSE d.failures END,
    next_attempt_at = CASE :to WHEN 'pending' THEN now() + make_interval(secs => chosen.delay) END
  FROM chosen
  WHERE d.notification_id = chosen.id AND in_days(d.notification_id)
    AND (chosen.id IS NULL OR d.status = CAST(:status AS delivery_status))
  RETURNING d.notification_id, d.attempt, d.next_attempt_at, chosen.channel
), attention AS (
  INSERT INTO due (notification_id, kind, channel, due_at)
  SELECT notification_id, 'retry', channel, next_attempt_at FROM changed WHERE next_attempt_at IS NOT NULL
  ON CONFLICT (notification_id) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at
), settled AS (
  DELETE FROM due USING changed WHERE due.notification_id = changed.notification_id AND next_attempt_at IS NULL
), event AS (
  INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason)
  SELECT notification_id, CAST(:status AS delivery_status), CAST(:to AS delivery_status), attempt, :actor, :reason
  FROM changed
)
SELECT count(*) FROM changed
""")


class Operations:
    """Changes by an operator, called by name in all that is written."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def resolve(self, id_: UUID, to: Status, reason: str) -> bool:
        """Unknown → sent, pending (it may be sent twice) or failed. False where it is not unknown."""
        return sum(self._move("resolve", Selection(ids=[id_]), Status.UNKNOWN, to, reason)) == 1

    def cancel(self, selection: Selection, reason: str) -> Iterator[int]:
        """Pending → cancelled, batch by batch; yields the size of each."""
        return self._move("cancel", selection, Status.PENDING, Status.CANCELLED, reason)

    def redrive(
        self, selection: Selection, reason: str, *, per_second: float, maybe_sent: bool = False
    ) -> Iterator[int]:
        """Failed → pending, with a fresh count of failures, due one after another at this rate; yields sizes.

        With `maybe_sent` also those whose last answer was lost before they were given up: it may be the second time.
        """
        return self._move(
            "redrive", selection, Status.FAILED, Status.PENDING, reason, 1 / per_second, maybe_sent=maybe_sent
        )

    def count(self, selection: Selection, status: Status) -> int:
        """How many deliveries of this status the selection holds: a dry run."""
        return self._counted(_COUNT, selection, status)

    def count_maybe_sent(self, selection: Selection) -> int:
        """How many failed ones of the selection may have been accepted: redrive leaves them out unless it is told."""
        return self._counted(_COUNT_MAYBE_SENT, selection, Status.FAILED)

    def _counted(self, statement: TextClause, selection: Selection, status: Status) -> int:
        with self._engine.connect() as connection:
            return sum(
                int(connection.execute(within_days(statement, window.spans), values).scalar_one())
                for window in selection.windows(connection, status)
                for values in (_selected(selection, status, window),)
            )

    def _move(
        self,
        action: str,
        selection: Selection,
        source: Status,
        to: Status,
        reason: str,
        pace: float = 0.0,
        maybe_sent: bool = True,
    ) -> Iterator[int]:
        with self._engine.connect() as connection:
            found = selection.windows(connection, source)
        moved = 0
        for window in found:
            while True:
                with self._engine.begin() as connection:
                    chosen = _take(connection, selection, source, window, maybe_sent)
                    if not chosen:
                        break
                    window = replace(window, first=_next(chosen[-1][0]))  # noqa: PLW2901
                    delays = [(moved + n) * pace for n in range(len(chosen))]
                    values = {"status": source.value, "to": to.value, "reason": reason, "actor": self._actor}
                    done = _write(connection, chosen, {**values, "delays": delays})
                    journal(connection, self._actor, action, reason, f"{selection} → {to}", done)
                moved += done
                yield done
        if not moved and action != "resolve":
            with self._engine.begin() as connection:
                journal(connection, self._actor, action, reason, f"{selection}: none matched")


def _next(id_: UUID) -> UUID:
    return UUID(int=id_.int + 1)


def _write(connection: Connection, chosen: Sequence[tuple[UUID, str]], values: dict[str, Any]) -> int:
    ids = [id_ for id_, _ in chosen]
    channels = [channel for _, channel in chosen]
    return int(connection.execute(within(_MOVE, ids), {**values, "ids": ids, "channels": channels}).scalar_one())


def _take(
    connection: Connection, selection: Selection, status: Status, window: Window, maybe_sent: bool
) -> list[tuple[UUID, str]]:
    values = {**_selected(selection, status, window), "limit": _BATCH, "maybe_sent": maybe_sent}
    return [(row[0], row[1]) for row in connection.execute(within_days(_TAKE, window.spans), values)]


def _selected(selection: Selection, status: Status, window: Window) -> dict[str, Any]:
    return {**selection.values(), "status": status.value, "first": window.first, "end": window.end}
