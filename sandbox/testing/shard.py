"""One shard of a table for a test: records that the bridge's own code takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.stream.client import Shard
from bridge.stream.intake import Intake
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.database.engine import Engine
from notifier.outbox import ShardLease

_ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/{table}/stream/2026-01-01T00:00:00.000"
_SHARD = "shardId-00000001767225600000-00000001"
_FIRST = 100_000_000_000_000_000_000
_TEN_YEARS = 315_360_000.0
"""How long the lease lasts: the clock of a test moves by days."""


class TestShards:
    """The shards of all tables of a test, one for each."""

    __test__ = False  # no class of tests

    def __init__(self, engine: Engine, intake: Intake, owner: str) -> None:
        self._engine = engine
        self._intake = intake
        self._owner = owner
        self._leases: dict[str, ShardLease] = {}
        self._checkpoints: dict[str, str | None] = {}
        self._number = _FIRST

    def next_number(self) -> str:
        """Return the sequence number of the next record."""
        self._number += 1
        return str(self._number)

    def take(self, table: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Record a page and publish it."""
        lease = self._leases.get(table) or self._leased(table)
        before = self._checkpoints.get(table)
        self._checkpoints[table] = self._intake.take(lease, before, [dict(each) for each in records])
        self._intake.mark_published()

    def _leased(self, table: str) -> ShardLease:
        ShardTree(self._engine).register(table, _ARN.format(table=table), [Shard(_SHARD, None, closed=False)])
        (lease,) = Leases(self._engine, self._owner, _TEN_YEARS, [table]).acquire(1)
        self._leases[table] = lease
        return lease
