"""Records in quarantine: what operators see of them, and their replay once routes or code are corrected.

A replay records a notification under the id that it would have had, takes the record out of quarantine and moves the
shard's counters, in one transaction for each shard of a batch: `read = notified + unrouted + quarantined` holds at
every moment. A record that was replayed is not replayed again, and an existing notification is not recorded twice, at
whatever point a process is killed.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine

from notifier.outbox.history.partitions import Partitions
from notifier.outbox.history.period import RetentionPeriod
from notifier.outbox.operator.journal import journal
from notifier.outbox.rewinds.corrections import correct_records
from notifier.outbox.statements import statement
from notifier.outbox.stream.pages import NewNotification

_BATCH = 100
"""Records that are read at once. Those of each shard have a transaction of their own: one for two shards could end in
a deadlock with a rewind of the second one, because both change rows that all shards share (`forgotten_counts`).
"""

_LIST = statement(__package__, "list.sql")
_LOCK = statement(__package__, "lock.sql")
_NEXT = statement(__package__, "next.sql")
_SHOW = statement(__package__, "show.sql")
_OLDEST_DAY = statement(__package__, "oldest_day.sql")
_NOTE_ERRORS = statement(__package__, "note_errors.sql")


@dataclass(frozen=True, slots=True)
class QuarantineSelection:
    """Which records; an empty value selects all. `because` selects those whose error contains this text.

    What an operator has acknowledged is selected by its id only, or with `acknowledged`.
    """

    ids: Sequence[int] = ()
    table: str = ""
    shard: str = ""
    because: str = ""
    acknowledged: bool = False

    def __str__(self) -> str:
        """The selection as the journal stores it."""
        given = {"table": self.table, "shard": self.shard, "error": self.because, "ids": ",".join(map(str, self.ids))}
        return " ".join(f"{name}={value}" for name, value in given.items() if value) or "all"

    def values(self) -> dict[str, Any]:
        """The parameters of chosen.sql."""
        return {"any": not self.ids, "ids": list(self.ids), "table": self.table, "shard": self.shard,
                "because": self.because, "acknowledged": self.acknowledged}  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """A record in quarantine, as it was read. `shard` is the id of the shard's row, `shard_id` its name in AWS."""

    id: int
    shard: int
    shard_id: str
    stream_arn: str
    table: str
    sequence_number: str
    record: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a record is today: notifications of routes, an `error`, or unrouted where it is neither."""

    notifications: Sequence[NewNotification] = ()
    error: str | None = None


Judge = Callable[[QuarantinedRecord], Judgement]


@dataclass(slots=True)
class Replayed:
    """How many records became notifications, match no route, are of days that are not kept any more, and are still
    not understood, by their error. `notifications` is how many were made: routes beside the owner make further ones.
    """

    notified: int = 0
    notifications: int = 0
    unrouted: int = 0
    too_old: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class Quarantine:
    """The records in quarantine, for the operator `actor`. Days older than `keep_days` (0: none) are not kept."""

    def __init__(self, engine: Engine, *, actor: str, keep_days: int = 0) -> None:
        self._engine = engine
        self._actor = actor
        self._partitions = Partitions(engine)
        self._period = RetentionPeriod(engine, keep_days, explicit=False)

    def newest(self, selection: QuarantineSelection, limit: int = 50) -> list[dict[str, Any]]:
        """Return the newest selected records without their bytes, at most `limit`."""
        with self._engine.connect() as connection:
            rows = connection.execute(_LIST, {**selection.values(), "limit": limit}).mappings()
            return [dict(row) for row in rows]

    def show(self, id_: int) -> dict[str, Any] | None:
        """Return a record with its bytes; None if there is none with this id."""
        with self._engine.connect() as connection:
            row = connection.execute(_SHOW, {"id": id_}).mappings().first()
            return dict(row) if row else None

    def judge(self, selection: QuarantineSelection, judge: Judge) -> Replayed:
        """Return what `replay` would do. Changes nothing."""
        done = Replayed()
        for batch in self._batches(selection):
            judged = self._judged(batch, judge, done)
            done.notified += sum(bool(verdict.notifications) for _, verdict in judged)
            done.notifications += sum(len(verdict.notifications) for _, verdict in judged)
            done.unrouted += sum(not verdict.notifications and verdict.error is None for _, verdict in judged)
        return done

    def replay(
        self, selection: QuarantineSelection, judge: Judge, reason: str, beside: Collection[str] = ()
    ) -> Iterator[Replayed]:
        """Classify the records again and record the results, in batches; yield after each what was done so far.

        `beside` are the names of the routes that claim events beside their owner. The relay of a bridge publishes the
        notifications.
        """
        done = Replayed()
        for batch in self._batches(selection):
            judged = self._judged(batch, judge, done)
            days = {verdict.notifications[0].day for _, verdict in judged if verdict.notifications}
            self._partitions.ensure(days, anew=True)
            for _, some in groupby(sorted(judged, key=_shard), key=_shard):
                with self._engine.begin() as connection:
                    made, notified, released = _record(connection, _as_read(connection, list(some)), beside)
                    scope = f"{selection} records={released}"
                    journal(connection, self._actor, "replay quarantine", reason, scope, made)
                done.notified += notified
                done.notifications += made
                done.unrouted += released - notified
            yield done

    def _batches(self, selection: QuarantineSelection) -> Iterator[Sequence[QuarantinedRecord]]:
        after = 0
        while True:
            values = {**selection.values(), "after": after, "limit": _BATCH}
            with self._engine.connect() as connection:
                batch = [QuarantinedRecord(*row) for row in connection.execute(_NEXT, values)]
            if not batch:
                return
            yield batch
            after = batch[-1].id

    def _judged(
        self, batch: Sequence[QuarantinedRecord], judge: Judge, done: Replayed
    ) -> list[tuple[QuarantinedRecord, Judgement]]:
        """Return each record with what it is today, without those of days that are not kept: they are counted."""
        oldest = self._oldest_day()
        found: list[tuple[QuarantinedRecord, Judgement]] = []
        for each in batch:
            verdict = judge(each)
            if verdict.notifications and oldest and verdict.notifications[0].day < oldest:
                done.too_old += 1
                continue
            if verdict.error is not None:
                done.errors[verdict.error] += 1
            found.append((each, verdict))
        return found

    def _oldest_day(self) -> date | None:
        """The oldest day that is kept; None if all are. A notification of an older one would be dropped at once."""
        days = self._period.days()
        if not days:
            return None
        with self._engine.connect() as connection:
            oldest: date = connection.execute(_OLDEST_DAY, {"keep": days}).scalar_one()
        return oldest


def _as_read(
    connection: Connection, judged: Sequence[tuple[QuarantinedRecord, Judgement]]
) -> list[tuple[QuarantinedRecord, Judgement]]:
    """Lock those that were not erased or replayed since they were read, and return them."""
    left = set(connection.execute(_LOCK, {"ids": [each.id for each, _ in judged]}).scalars())
    return [pair for pair in judged if pair[0].id in left]


def _shard(pair: tuple[QuarantinedRecord, Judgement]) -> int:
    return pair[0].shard


def _record(
    connection: Connection, judged: Sequence[tuple[QuarantinedRecord, Judgement]], beside: Collection[str]
) -> tuple[int, int, int]:
    """Record what the records of one shard are, in the caller's transaction; return how many notifications were made,
    how many records became notifications, and how many left quarantine.
    """
    failed = [(each.id, verdict.error) for each, verdict in judged if verdict.error is not None]
    if failed:
        connection.execute(_NOTE_ERRORS, {"ids": [id_ for id_, _ in failed], "errors": [text for _, text in failed]})
    understood = [(each, verdict) for each, verdict in judged if verdict.error is None]
    if not understood:
        return 0, 0, 0
    shard, table = understood[0][0].shard, understood[0][0].table
    notifications = [each for _, verdict in understood for each in verdict.notifications]
    unrouted = [each.sequence_number for each, verdict in understood if not verdict.notifications]
    done = correct_records(connection, shard, table, notifications, unrouted, beside)
    return len(done.made), done.first, done.released
