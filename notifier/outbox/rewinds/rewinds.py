"""Reading shards again, by the bridges that hold the leases of the rewinds.

The shard is meanwhile read on from its checkpoint, which a rewind does not change. A rewind has a range of its own,
up to the checkpoint that the shard had when the rewind was requested. Each record in it was counted once: as notified
if it has a notification, as quarantined if it is in quarantine, else as unrouted. A page of a rewind moves records
from the last two counters to the first, in one transaction with the rewind's position, so that it may be repeated or
killed at any point.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Engine

from notifier.errors import LeaseLost
from notifier.outbox.history.partitions import Partitions
from notifier.outbox.rewinds.corrections import correct
from notifier.outbox.rewinds.pages import Rewind, RewindPage, RewindResult
from notifier.outbox.statements import statement

_TAKE = statement(__package__, "take.sql")
_MOVE = statement(__package__, "move_position.sql")
_FAILED = statement(__package__, "note_error.sql")
_PAST_RETENTION = statement(__package__, "is_past_retention.sql")


class Rewinds:
    """The rewinds of the bridge named `owner`. A lease ends `ttl` seconds after the bridge last prolonged it."""

    def __init__(self, engine: Engine, partitions: Partitions, owner: str, ttl: float) -> None:
        self._engine = engine
        self._partitions = partitions
        self._owner = owner
        self._ttl = ttl

    def take(self, tables: Collection[str]) -> Rewind | None:
        """Return a rewind of one of these tables, leased to this bridge; None if no rewind is free."""
        values = {"owner": self._owner, "ttl": self._ttl, "tables": list(tables)}
        with self._engine.begin() as connection:
            row = connection.execute(_TAKE, values).first()
            return Rewind(*row) if row else None

    def correct(self, rewind: Rewind, page: RewindPage, outcome: str | None = None) -> RewindResult:
        """Move the rewind on, and record what a route matches now, in one transaction. With an `outcome` it ends.

        Raises LeaseLost, and writes nothing, if another bridge took the rewind, or an operator replaced or cancelled
        it.
        """
        self._partitions.ensure({each.day for each in page.notifications})
        with self._engine.begin() as connection:
            self._move(connection, rewind, page, outcome)
            if not page.notifications and not page.unrouted:
                return RewindResult()
            return correct(connection, rewind, page)

    def failed(self, rewind: Rewind, error: str, *, gone: bool = False, rest: float | None = None) -> float | None:
        """Write down why reading failed, and prolong the lease; with `rest` give the rewind back instead, so that no
        bridge takes it for so many seconds. `gone`: DynamoDB says that there is no such shard.

        Returns for how many seconds DynamoDB has said so, None if it has not. Raises LeaseLost as `correct` does.
        """
        values = {**self._lease(rewind), "error": error, "gone": gone, "rest": rest}
        with self._engine.begin() as connection:
            if (row := connection.execute(_FAILED, values).first()) is None:
                raise self._lost(rewind)
        gone_for: float | None = row[0]
        return gone_for

    def is_forgotten(self, rewind: Rewind) -> bool:
        """Return whether the shard's last record that was read is older than the stream has to keep it."""
        with self._engine.begin() as connection:
            return bool(connection.scalar(_PAST_RETENTION, {"shard": rewind.shard}))

    def _move(self, connection: Connection, rewind: Rewind, page: RewindPage, outcome: str | None) -> None:
        values = {
            **self._lease(rewind),
            "previous": rewind.position,
            "position": page.position,
            "examined": page.examined,
            "outcome": outcome,
        }
        if connection.execute(_MOVE, values).rowcount != 1:
            raise self._lost(rewind)

    def _lease(self, rewind: Rewind) -> dict[str, Any]:
        return {"id": rewind.id, "owner": self._owner, "epoch": rewind.epoch, "ttl": self._ttl}

    def _lost(self, rewind: Rewind) -> LeaseLost:
        return LeaseLost(f"the rewind of {rewind.shard_id} is no longer held by {self._owner}")
