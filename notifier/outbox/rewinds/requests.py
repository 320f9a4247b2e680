"""Rewinds as operators request them: shards are to be read again. A bridge does it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from notifier.errors import UsageError
from notifier.outbox.operator.journal import journal, scope_time
from notifier.outbox.rewinds.pages import WAITS_FOR_ROOM
from notifier.outbox.statements import statement

_ADVISORY_LOCK = 0x6E6F7469727764

_LOCK = statement(__package__, "advisory_lock.sql")
_PLAN = statement(__package__, "plan.sql")
_KNOWN = statement(__package__, "is_known_shard.sql")
_FUTURE = statement(__package__, "is_in_future.sql")
_REPLACE = statement(__package__, "replace.sql")
_INSERT = statement(__package__, "insert.sql")
_CANCEL = statement(__package__, "cancel.sql")
_RECENT = statement(__package__, "recent.sql")
_OPEN = statement(__package__, "count_open.sql")
_PAUSED = statement(__package__, "count_paused.sql")


@dataclass(frozen=True, slots=True)
class RewindTarget:
    """Which shards are to be read again: of one table or of all (empty), one or all of its shards (empty), and only
    records created at `since` or later; None: all that the stream still has.
    """

    table: str = ""
    shard: str = ""
    since: datetime | None = None

    def __str__(self) -> str:
        """The scope in the journal of operations, as in `table=activity to=2026-01-01T00:00:00.000000+00:00`."""
        given = {"table": self.table, "shard": self.shard, "to": scope_time(self.since) if self.since else "oldest"}
        return " ".join(f"{name}={value}" for name, value in given.items() if value)

    def values(self) -> dict[str, Any]:
        """The parameters of the statements."""
        return {"table": self.table, "shard": self.shard, "since": self.since}


class RewindRequests:
    """Rewinds that one operator requests or cancels; `actor` is the operator's name in the journal of operations."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def plan(self, target: RewindTarget) -> list[dict[str, Any]]:
        """Return the shards that `ask` would have read again, each with the numbers of its unrouted and quarantined
        records: at most so many become notifications.

        Raises UsageError if no such shard is known, or the time is in the future.
        """
        with self._engine.connect() as connection:
            _check(connection, target)
            return [dict(row) for row in connection.execute(_PLAN, target.values()).mappings()]

    def ask(self, target: RewindTarget, reason: str) -> list[int]:
        """Have the shards read again up to their current checkpoints; return the ids of the rewinds.

        A rewind of the same shard that has not ended is replaced. Raises UsageError as `plan` does.
        """
        with self._engine.begin() as connection:
            connection.execute(_LOCK, {"key": _ADVISORY_LOCK})
            _check(connection, target)
            replaced = connection.execute(_REPLACE, target.values()).all()
            values = {
                **target.values(),
                "replaced": [row.shard for row in replaced],
                "sinces": [row.since for row in replaced],
                "actor": self._actor,
                "reason": reason,
            }
            ids = list(connection.execute(_INSERT, values).scalars())
            journal(connection, self._actor, "rewind", reason, f"{target} shards={len(ids)}")
        return ids

    def cancel(self, target: RewindTarget, reason: str) -> int:
        """End the rewinds of these shards at their current positions; return how many had not ended.

        Raises UsageError if no such shard is known.
        """
        with self._engine.begin() as connection:
            _check(connection, replace(target, since=None))
            count = connection.execute(_CANCEL, {"table": target.table, "shard": target.shard}).rowcount
            journal(connection, self._actor, "cancel rewind", reason, f"{target} shards={count}")
        return count

    def recent(self, limit: int = 50) -> list[Mapping[str, Any]]:
        """Return at most `limit` rewinds: those that have not ended, then the others, the newest first."""
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(_RECENT, {"limit": limit}).mappings()]

    def open(self, ids: list[int]) -> int:
        """Return how many of these rewinds have not ended."""
        with self._engine.connect() as connection:
            return int(connection.execute(_OPEN, {"ids": ids}).scalar_one())

    def paused(self, ids: list[int]) -> int:
        """Return how many of these rewinds pause after an error: a bridge tries them again within minutes."""
        with self._engine.connect() as connection:
            return int(connection.execute(_PAUSED, {"ids": ids, "room": WAITS_FOR_ROOM}).scalar_one())


def _check(connection: Connection, target: RewindTarget) -> None:
    if not connection.scalar(_KNOWN, {"table": target.table, "shard": target.shard}):
        raise UsageError(f"no shard is known for {target}; see: notifier shards")
    if target.since is not None and connection.scalar(_FUTURE, {"since": target.since}):
        raise UsageError(f"--to {target.since.isoformat()} is in the future")
