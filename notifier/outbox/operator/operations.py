"""What an operator does to deliveries: resolve, cancel, redrive, bring forward. Each has a row in the journal."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause

from notifier.notifications import Status
from notifier.outbox.days import within, within_days
from notifier.outbox.digests.digests import collected
from notifier.outbox.digests.merging import merge_cancelled, release_cancelled
from notifier.outbox.history.calendar import Window, read_days
from notifier.outbox.operator.journal import journal, scope_time
from notifier.outbox.operator.selection import Selection
from notifier.outbox.search.search import Search
from notifier.outbox.statements import statement

_BATCH = 1_000
"""Deliveries that are changed in one transaction, with the members of their digests."""

_ADVISORY_LOCK = 0x6E6F7469706163
"""Key of the lock of a batch that has a pace: it begins where the one before ends."""
_UNTIL = ", due until "
"""In the journal, before the time at which the last delivery of such a batch is due."""
_TIME = "[0-9]{4}-[0-9T:. +-]+"
"""Such a time, as a regular expression of Postgres."""

_NO_NOTIFICATION = UUID(int=0)
"""The id of no notification: no ids would select all."""

_COUNT = statement(__package__, "count_selected.sql")
_COUNT_MAYBE_SENT = statement(__package__, "count_maybe_sent.sql")
_TAKE = statement(__package__, "take_selected.sql")
_MOVE = statement(__package__, "move_selected.sql")
_BRING_FORWARD = statement(__package__, "bring_forward.sql")
_LOCK = statement(__package__, "advisory_lock.sql")
_NEXT_START = statement(__package__, "next_start.sql", until=_UNTIL, time=_TIME)


class Operations:
    """Changes by an operator.

    The history and the journal name the `actor`. The paces of several redrives, or of several actions that bring
    forward, do not add up, also of several operators: each begins when the one before has ended. A delivery that is
    named alone is due at once. `until` is when the last delivery is due that was changed with a pace, in UTC.

        operations = Operations(engine, actor="eva")
        for size in operations.cancel(Selection(route="welcome"), "wrong template"):
            print(size)
    """

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor
        self.until: datetime | None = None

    def resolve(self, id_: UUID, to: Status, reason: str) -> bool:
        """Unknown → sent, failed, or pending, which may send it twice. False if it is not unknown."""
        return sum(self._move("resolve", Selection(ids=[id_]), Status.UNKNOWN, to, reason)) == 1

    def cancel(self, selection: Selection, reason: str, *, release: bool = False) -> Iterator[int]:
        """Pending → cancelled, in batches. Yield the size of each.

        The members of a leader are merged into it, as its message is not sent; with `release` those that are not
        among the ids of the selection are collected anew.
        """
        return self._move("cancel", selection, Status.PENDING, Status.CANCELLED, reason, release=release)

    def redrive(
        self,
        selection: Selection,
        reason: str,
        *,
        per_second: float,
        maybe_sent: bool = False,
        source: Status = Status.FAILED,
    ) -> Iterator[int]:
        """Failed → pending, in batches, with no failures counted. Yield the size of each batch.

        The deliveries are due one after another, `per_second` of them. With `maybe_sent` also those that were given
        up while the outcome of their last attempt was unknown: these may be sent twice. With the `source` shadowed,
        shadowed → pending: the settings and routes that the workers have by then decide whether they are sent.
        """
        if source not in (Status.FAILED, Status.SHADOWED):
            raise ValueError(f"what is {source} is not redriven")
        return self._move("redrive", selection, source, Status.PENDING, reason, 1 / per_second, maybe_sent=maybe_sent)

    def bring_forward(self, selection: Selection, reason: str, *, per_second: float) -> Iterator[int]:
        """Pending → pending, in batches: what waits because its route returned `Later` is due, `per_second` of them.

        Yield the size of each batch. The route's function runs then; hours that are quiet or closed do not hold the
        notification any more. Members of digests are left out: they have no message of their own, and would be
        collected again. Their leader can be brought forward.
        """
        selection = replace(selection, scheduled=True, members=False)
        return self._move("bring forward", selection, Status.PENDING, Status.PENDING, reason, 1 / per_second)

    def count(self, selection: Selection, status: Status) -> int:
        """Return how many deliveries of this status are selected."""
        return self._sum(_COUNT, selection, status)

    def count_maybe_sent(self, selection: Selection) -> int:
        """Return how many failed deliveries of the selection may have been accepted: see `redrive`."""
        return self._sum(_COUNT_MAYBE_SENT, selection, Status.FAILED)

    def _sum(self, count: TextClause, selection: Selection, status: Status) -> int:
        total = 0
        selection = self._named(selection, status)
        with self._engine.connect() as connection:
            for window in _windows(connection, selection, status):
                values = _selected(selection, status, window)
                total += connection.execute(within_days(count, window.spans), values).scalar_one()
        return total

    def _move(
        self,
        action: str,
        selection: Selection,
        source: Status,
        to: Status,
        reason: str,
        pace: float = 0.0,
        maybe_sent: bool = True,
        release: bool = False,
    ) -> Iterator[int]:
        """Change what is selected, each batch in a transaction with a row in the journal.

        The deliveries are due `pace` seconds apart, after those of the action before.
        """
        paced = pace > 0 and len(selection.ids) != 1
        named = self._named(selection, source)
        with self._engine.connect() as connection:
            found = _windows(connection, named, source)
        moved = 0
        limit = _BATCH
        for window in found:
            while True:
                with self._engine.begin() as connection:
                    taken = _take(connection, named, source, window, maybe_sent, limit)
                    if not taken:
                        break
                    chosen = _fitting(connection, taken) if to is Status.CANCELLED else taken
                    # The next transaction does not lock many more deliveries than it changes.
                    limit = _BATCH if chosen == taken else min(_BATCH, 2 * len(chosen))
                    window = replace(window, first=_next(chosen[-1][0]))  # noqa: PLW2901
                    now, start = _turn(connection, action, source, pace) if paced else (None, 0.0)
                    delays = [start + n * pace for n in range(len(chosen))]
                    values = {"status": source.value, "to": to.value, "reason": reason, "actor": self._actor}
                    done = _write(connection, chosen, {**values, "delays": delays})
                    if to is Status.CANCELLED and release:
                        release_cancelled(connection, dict(chosen), frozenset(named.ids), self._actor)
                    elif to is Status.CANCELLED:
                        merge_cancelled(connection, [id_ for id_, _ in chosen], self._actor)
                    scope = f"{selection} → {to}"
                    if now:
                        self.until = now + timedelta(seconds=delays[-1])
                        scope += f"{_UNTIL}{scope_time(self.until)}"
                    journal(connection, self._actor, action, reason, scope, done)
                moved += done
                yield done
        if not moved and action != "resolve":
            with self._engine.begin() as connection:
                journal(connection, self._actor, action, reason, f"{selection}: none matched")

    def _named(self, selection: Selection, status: Status) -> Selection:
        """Return the selection; one by recipient or key with the ids that it has now, for the statements know none of
        the two.
        """
        if not selection.names_person:
            return selection
        ids = Search(self._engine, budget=None).ids(selection, [status])
        return replace(selection, ids=ids or [_NO_NOTIFICATION])


def _turn(connection: Connection, action: str, source: Status, pace: float) -> tuple[datetime, float]:
    """Return the time, and in how many seconds deliveries may begin to be due, after those of the action before.

    Until the transaction ends no other action gets its turn. It may lock no further deliveries: others may have
    locked them and wait for theirs.
    """
    connection.execute(_LOCK, {"key": _ADVISORY_LOCK})
    kind = "scheduled" if source is Status.PENDING else "retry"
    now, start = connection.execute(_NEXT_START, {"action": action, "kind": kind, "pace": pace}).one()
    return now.astimezone(UTC), start


def _windows(connection: Connection, selection: Selection, status: Status) -> list[Window]:
    """The hours that may hold such deliveries, the oldest first."""
    return selection.windows([each for each in read_days(connection) if each.may_hold([status], selection.channel)])


def _next(id_: UUID) -> UUID:
    return UUID(int=id_.int + 1)


def _write(connection: Connection, chosen: Sequence[tuple[UUID, str]], values: dict[str, Any]) -> int:
    ids = [id_ for id_, _ in chosen]
    channels = [channel for _, channel in chosen]
    move = _BRING_FORWARD if values["status"] == values["to"] else _MOVE
    return int(connection.execute(within(move, ids), {**values, "ids": ids, "channels": channels}).scalar_one())


def _take(
    connection: Connection, selection: Selection, status: Status, window: Window, maybe_sent: bool, limit: int
) -> list[tuple[UUID, str]]:
    values = {**_selected(selection, status, window), "limit": limit, "maybe_sent": maybe_sent}
    return [(row[0], row[1]) for row in connection.execute(within_days(_TAKE, window.spans), values)]


def _fitting(connection: Connection, taken: list[tuple[UUID, str]]) -> list[tuple[UUID, str]]:
    """Return the first of them, at least one, that make a batch together with the members that they lead."""
    members = {leader: len(some) for leader, some, _ in collected(connection, [id_ for id_, _ in taken])}
    sizes = accumulate(1 + members.get(id_, 0) for id_, _ in taken)
    return taken[: max(1, bisect(list(sizes), _BATCH))]


def _selected(selection: Selection, status: Status, window: Window) -> dict[str, Any]:
    return {**selection.values(), "status": status.value, "first": window.first, "end": window.end}
