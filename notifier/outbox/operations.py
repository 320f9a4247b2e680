"""What an operator does to deliveries: resolve, cancel, redrive. Each with a reason, each in the journal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from notifier.notifications import Status, first_id
from notifier.outbox.days import Spans, span, spans, within, within_days
from notifier.outbox.journal import journal

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
        first, end = self._window()
        return {
            "any": not self.ids,
            "ids": list(self.ids),
            "channel": self.channel,
            "route": self.route,
            "reason": self.reason,
            "since": first,
            "until": end,
        }

    def days(self) -> Spans:
        """The days of the notifications that may be meant."""
        return spans(self.ids) if self.ids else span(*self._window())

    def _window(self) -> tuple[UUID, UUID]:
        return (
            _first_id(self.since) if self.since else first_id(0),
            _first_id(self.until) if self.until else UUID(int=2**128 - 1),
        )


def _first_id(moment: datetime) -> UUID:
    return first_id(max(0, int(moment.timestamp() * 1000)))


_SELECTED = """
  FROM deliveries d JOIN notifications n USING (notification_id)
  WHERE d.status = CAST(:status AS delivery_status) AND d.notification_id > :after
    AND d.notification_id >= :since AND d.notification_id < :until
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
        with self._engine.connect() as connection:
            count = within_days(_COUNT, selection.days())
            return int(connection.execute(count, _selected(selection, status)).scalar_one())

    def count_maybe_sent(self, selection: Selection) -> int:
        """How many failed ones of the selection may have been accepted: redrive leaves them out unless it is told."""
        with self._engine.connect() as connection:
            count = within_days(_COUNT_MAYBE_SENT, selection.days())
            return int(connection.execute(count, _selected(selection, Status.FAILED)).scalar_one())

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
        after, moved = UUID(int=0), 0
        while True:
            with self._engine.begin() as connection:
                chosen = _take(connection, selection, source, after, maybe_sent)
                if not chosen:
                    return
                after = chosen[-1][0]
                ids = [id_ for id_, _ in chosen]
                values = {
                    "ids": ids,
                    "channels": [channel for _, channel in chosen],
                    "delays": [(moved + n) * pace for n in range(len(chosen))],
                    "status": source.value,
                    "to": to.value,
                    "reason": reason,
                    "actor": self._actor,
                }
                done = int(connection.execute(within(_MOVE, ids), values).scalar_one())
                journal(connection, self._actor, action, reason, f"{selection} → {to}", done)
            moved += done
            yield done


def _take(
    connection: Connection, selection: Selection, status: Status, after: UUID, maybe_sent: bool
) -> list[tuple[UUID, str]]:
    values = {**_selected(selection, status), "after": after, "limit": _BATCH, "maybe_sent": maybe_sent}
    return [(row[0], row[1]) for row in connection.execute(within_days(_TAKE, selection.days()), values)]


def _selected(selection: Selection, status: Status) -> dict[str, Any]:
    return {**selection.values(), "status": status.value, "after": UUID(int=0)}
