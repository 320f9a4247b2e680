"""The numbers that metrics show. Reading them is cheap: of the deliveries at most a sample is read."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, TextClause

from notifier.lanes import Lane, channels_in, parts_of, queues_of
from notifier.notifications import created_ms
from notifier.outbox.delivery.counts import CountKey, read_counts
from notifier.outbox.history.old_days import DaysKept, days_kept
from notifier.outbox.publishing.backlog import backlog
from notifier.outbox.statements import statement
from notifier.outbox.status_updates.backlog import DestinationBacklog, update_backlog
from notifier.outbox.stream.discovery import TableDiscovery, discovery
from notifier.outbox.stream.status import OpenRewinds, TableLag, WaitingStream, lags, rewinds
from notifier.outbox.stream.status import waiting as waiting_streams

_RECORDS = statement(__package__, "count_records.sql")
_LAG = statement(__package__, "read_lag.sql")
_CLOCK = statement(__package__, "read_clock.sql")
_DUE = statement(__package__, "count_due.sql")
_SENDING = statement(__package__, "count_sending.sql")
_RUNNING = statement(__package__, "read_running.sql")
_FEEDBACK = statement(__package__, "count_feedback.sql")
_PROBLEMS = statement(__package__, "count_problems.sql")
_EVIDENCE = statement(__package__, "read_evidence.sql")

_EXACT, _PAGES = 5_000, 200
"""Rows of `due` of a kind that are counted one by one, and pages that are read if there are more."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How old a channel's events are, in seconds; None where none has come.

    `sent`: since its newest message was accepted whose event has arrived. `settled`: since all events before that
    time were settled.
    """

    channel: str
    sent: float | None
    settled: float | None


@dataclass(frozen=True, slots=True)
class Gauges:
    """The numbers of the database that metrics show.

    `records` is by what became of a record; `notifications` is how many were made of them, which is more where
    routes claim records beside their owner. `found` is by name, `lag` has shards, unread ones and seconds. `backlog`
    is deliveries that wait, `oldest_seconds` the age of the oldest of them: each by queue. `sending` is deliveries
    that are being sent, `running` 1 or 0: each by channel. `due` is by channel and kind of `due` row, an estimate
    above 5,000 of a kind; `feedback` is by channel and kind of event.
    """

    records: dict[str, int]
    notifications: int
    lag: dict[str, float]
    tables: list[TableLag]
    waiting: list[WaitingStream]
    rewinds: list[OpenRewinds]
    discovery: list[TableDiscovery]
    backlog: dict[str, int]
    oldest_seconds: dict[str, float]
    due: dict[tuple[str, str], int]
    sending: dict[str, int]
    running: dict[str, int]
    feedback: dict[tuple[str, str], int]
    evidence: list[Evidence]
    deliveries: dict[CountKey, int]
    found: dict[str, int]
    days: DaysKept
    updates: list[DestinationBacklog]

    def channels(self) -> set[str]:
        """Return the channels of which a delivery waits or is sent, or was counted at any time."""
        kinds = (channel for channel, _ in self.due)
        return {*channels_in(self.backlog), *self.sending, *kinds, *(key.channel for key in self.deliveries)}

    def waiting_on(self, channel: str) -> int:
        """Return how many deliveries of the channel wait, in all its lanes."""
        return sum(self.backlog.get(queue, 0) for queue in queues_of(channel))

    def oldest_on(self, channel: str) -> float:
        """Return the age of the oldest of them, in seconds."""
        return max(self.oldest_seconds.get(queue, 0.0) for queue in queues_of(channel))

    def lanes_of(self, channel: str) -> dict[str, int]:
        """Return how many wait in each lane; empty if only the normal one has some."""
        found = {parts_of(queue)[1].value: self.backlog.get(queue, 0) for queue in queues_of(channel)}
        return found if found[Lane.HIGH] or found[Lane.LOW] else {}


def read_gauges(engine: Engine, keep_days: int = 0) -> Gauges:
    """Read all gauges. Days older than `keep_days` are overdue for retention; none if it is 0."""
    with engine.connect() as connection:
        waiting, found, lag = backlog(connection), discovery(connection), _one(connection, _LAG)
        now = connection.execute(_CLOCK).scalar_one()
        records, notifications = _count_records(connection)
        return Gauges(
            records=records,
            notifications=notifications,
            tables=lags(connection),
            waiting=waiting_streams(connection),
            rewinds=rewinds(connection),
            lag=lag | {"seconds": max([lag["seconds"], *(each.unread_seconds for each in found)])},
            discovery=found,
            backlog={queue: each.deliveries for queue, each in waiting.items()},
            oldest_seconds={
                queue: max(0.0, now - created_ms(each.oldest) / 1000) if each.oldest else 0.0
                for queue, each in waiting.items()
            },
            due={(row[0], row[1]): row[2] for row in connection.execute(_DUE, {"exact": _EXACT, "pages": _PAGES})},
            sending={row[0]: row[1] for row in connection.execute(_SENDING)},
            running={row[0]: row[1] for row in connection.execute(_RUNNING)},
            feedback=count_feedback(connection),
            evidence=[Evidence(*row) for row in connection.execute(_EVIDENCE)],
            deliveries=read_counts(connection),
            found=_one(connection, _PROBLEMS),
            days=days_kept(connection, keep_days),
            updates=update_backlog(connection),
        )


def count_records(connection: Connection) -> dict[str, int]:
    """Return the records read so far, by what became a notification, was unrouted, or went to quarantine."""
    return _count_records(connection)[0]


def _count_records(connection: Connection) -> tuple[dict[str, int], int]:
    """Return the records read so far, by what became of them, and the number of notifications made of them."""
    counts = _one(connection, _RECORDS)
    further = counts.pop("further")
    return counts, counts["notified"] + further


def count_feedback(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the provider's events so far, by channel and kind."""
    kinds = ("send", "delivery", "bounce", "complaint")
    rows = connection.execute(_FEEDBACK).all()
    return {(row[0], kind): row[n] for row in rows for n, kind in enumerate(kinds, 1)}


def _one(connection: Connection, query: TextClause) -> dict[str, Any]:
    return {name: int(value) if name != "seconds" else float(value)
            for name, value in connection.execute(query).mappings().one().items()}  # fmt: skip
