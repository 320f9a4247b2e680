"""Which bridge reads which shard: leases in Postgres, by the database's clock, fenced by an epoch."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Engine, text

from notifier.database.errors import DatabaseError, cause, sqlstate
from notifier.outbox import ShardLease
from notifier.outbox.statements import statement

log = structlog.get_logger(__name__)

_STEAL_LOCK = 0x6E6F7469737465

_ACQUIRE = statement(__package__, "acquire.sql")
_END_FROZEN = statement(__package__, "end_frozen.sql")
_LOADS = statement(__package__, "loads.sql")
_STEAL = statement(__package__, "steal.sql")
_RENEW = statement(__package__, "renew.sql", or_skip="SKIP LOCKED")
_RENEW_LOCKED = statement(__package__, "renew.sql", or_skip="")
_LIMIT_WAIT = text("SELECT set_config('lock_timeout', :limit, true)")
_RELEASE = statement(__package__, "release.sql")
_BRIDGES = statement(__package__, "count_bridges.sql")

_LOCKED = "55P03"
"""SQLSTATE: a lock was not got in time."""

REST_SECONDS = 10.0
"""For how long a shard that was stolen is not stolen again."""


class Leases:
    """The leases of one bridge, called `owner`, on shards of its `tables`. A lease lasts `ttl` seconds."""

    def __init__(self, engine: Engine, owner: str, ttl: float, tables: Collection[str]) -> None:
        self._engine = engine
        self._owner = owner
        self._tables = list(tables)
        self.ttl = ttl
        self._look_seconds = ttl / 3
        self._look_at = 0.0
        self._seen: list[str] = []

    def acquire(self, limit: int, held: Collection[int] | None = None) -> list[ShardLease]:
        """Take up to `limit` free shards whose parents are read to their end, oldest first; return their leases.

        Shards of this bridge that are not among `held` count as free: the answer to an earlier `acquire` may have
        been lost. With None they do not. Where a shard cannot be taken long after its lease has ended, the session
        that holds its row is looked at, and ended if its bridge has stopped: see `_end_frozen`.
        """
        values = {
            "owner": self._owner,
            "tables": self._tables,
            "ttl": self.ttl,
            "limit": limit,
            "held": None if held is None else list(held),
        }
        with self._engine.begin() as connection:
            rows = connection.execute(_ACQUIRE, values).all()
        if rows[0].passed_over and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + self._look_seconds
            self._end_frozen()
        return [ShardLease(*row[:-1]) for row in rows if row.id is not None]

    def _end_frozen(self) -> None:
        """End each session that holds the row of a shard for a bridge that has stopped in the middle of a page.

        It must have made no progress since the last look. Its transaction is rolled back, so that the shard can be
        taken; for its bridge, if that goes on, the connection is lost.
        """
        values = {"tables": self._tables, "ttl": self.ttl, "seen": self._seen}
        try:
            with self._engine.begin() as connection:
                found = connection.execute(_END_FROZEN, values).all()
        except DatabaseError as error:  # what `acquire` has taken must not be lost
            log.warning("could not look for sessions that hold shards", reason=cause(error))
            return
        self._seen = [each.progress for each in found]
        for each in found:
            if each.ended:
                log.warning(
                    "ended the database session of a bridge that had stopped in the middle of a page: its lease had "
                    "ended long ago, and the shard can be taken now",
                    shard=each.shard_id,
                    owner=each.owner,
                    session=each.pid,
                )

    def steal(self, limit: int) -> list[ShardLease]:
        """Take up to `limit` shards from bridges that hold more than their share, half of what this one lacks.

        A lock lets one bridge steal at a time: two that count the same loads would both take the same surplus.
        """
        with self._engine.begin() as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _STEAL_LOCK}):
                return []
            loads = {row.owner: row.shards for row in connection.execute(_LOADS, {"tables": self._tables})}
            target, lack = fair_share(loads, self._owner)
            if lack <= 0:
                return []
            values = {
                "owner": self._owner,
                "tables": self._tables,
                "ttl": self.ttl,
                "target": target,
                "rest": REST_SECONDS,
                "limit": min(limit, (lack + 1) // 2),
            }
            return [ShardLease(*row) for row in connection.execute(_STEAL, values)]

    def renew(self, leases: Sequence[ShardLease], caught_up: Mapping[int, float]) -> set[int]:
        """Prolong the leases; return the shards that this bridge still holds, and that are of its tables.

        `caught_up`: for a shard, how many seconds ago everything that was in it by then had been recorded.

        The row of a shard is locked while a page is recorded. It is waited for after all others were renewed, and for
        an eighth of a lease at most: its connection may be dead. Until its lease ends it counts as held all the same.
        """
        values = {
            **self._named(leases),
            "tables": self._tables,
            "ttl": self.ttl,
            "caught_up": [caught_up.get(each.shard) for each in leases],
        }
        with self._engine.begin() as connection:
            found = {row.id: row.renewed for row in connection.execute(_RENEW, values)}
        locked = [each for each in leases if found.get(each.shard) is False]
        for each in locked:
            if not self._renew_locked(each, caught_up, self.ttl / 8 / len(locked)):
                del found[each.shard]
        return set(found)

    def _renew_locked(self, lease: ShardLease, caught_up: Mapping[int, float], seconds: float) -> bool:
        """Wait for the row of a shard, and prolong its lease. Return whether it is held, or may be held: the row is
        still locked.
        """
        values = {**self._named([lease]), "tables": self._tables, "ttl": self.ttl}
        values["caught_up"] = [caught_up.get(lease.shard)]
        try:
            with self._engine.begin() as connection:
                connection.execute(_LIMIT_WAIT, {"limit": f"{max(1, int(seconds * 1000))}ms"})
                return any(row.renewed for row in connection.execute(_RENEW_LOCKED, values))
        except DatabaseError as error:
            if sqlstate(error) != _LOCKED:
                raise
            return True

    def bridges(self) -> int:
        """Return how many bridges hold shards now."""
        with self._engine.begin() as connection:
            return int(connection.execute(_BRIDGES).scalar_one())

    def release(self, leases: Sequence[ShardLease]) -> None:
        """Give the shards back at once, so that no bridge waits for the leases to end."""
        with self._engine.begin() as connection:
            connection.execute(_RELEASE, self._named(leases))

    def _named(self, leases: Sequence[ShardLease]) -> dict[str, Any]:
        return {
            "owner": self._owner,
            "shards": [each.shard for each in leases],
            "epochs": [each.epoch for each in leases],
        }


def fair_share(loads: Mapping[str, int], owner: str) -> tuple[int, int]:
    """Return how many shards each live bridge should hold at most, and how many `owner` lacks to that. `loads` counts
    for each bridge the shards of the tables of `owner`.
    """
    bridges = len(loads.keys() | {owner})
    target = -(-sum(loads.values()) // bridges)
    return target, target - loads.get(owner, 0)
