"""Acknowledge what `notifier audit` finds: gaps, duplicates, records in quarantine, dead letters, errors of routes.

What is acknowledged no longer counts as a finding. It reaches up to `until`, a time of the database's clock at which
the operator knew what there was: what came later stays open. If the operator was told that there are `shown`, and
there are more, because some were just being written then, nothing is acknowledged.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, TextClause

from notifier.errors import UsageError
from notifier.outbox.operator.journal import journal, scope_time
from notifier.outbox.statements import statement

_GAPS = statement(__package__, "acknowledge_gaps.sql")
_DUPLICATES = statement(__package__, "acknowledge_duplicates.sql")
_QUARANTINE = statement(__package__, "acknowledge_quarantine.sql")
_DEAD_LETTERS = statement(__package__, "count_dead_letters.sql")

FAILURES = "acknowledge failures"
"""The action in the journal. failing_routes.sql leaves out failures up to the time that its rows begin with."""


DEAD_LETTERS = "acknowledge dead letters"
"""The action in the journal. Dead letters up to the time that its rows begin with count no longer."""


class Acknowledgements:
    """Acknowledgements by the operator `actor`. Each is written into the journal."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def gaps(self, gaps: Sequence[Mapping[str, Any]], reason: str | None = None) -> int:
        """Acknowledge these rows of `Report.gaps`. Return how many were open."""
        ids = [gap["id"] for gap in gaps]
        named = ", ".join(f"{gap['shard_id']} after {gap['after_sequence_number']}" for gap in gaps[:20])
        with self._engine.begin() as connection:
            count = connection.execute(_GAPS, {"ids": ids}).rowcount
            journal(connection, self._actor, "acknowledge gaps", reason, f"rows={count} {named}".rstrip())
        return count

    def duplicates(self, until: datetime, reason: str | None = None, shown: int | None = None) -> int:
        """Acknowledge the open duplicates. Return how many there were."""
        return self._run("acknowledge duplicates", _DUPLICATES, until, reason, shown)

    def quarantine(self, until: datetime, reason: str | None = None, shown: int | None = None) -> int:
        """Acknowledge the open records in quarantine. Return how many there were. Retention deletes them later."""
        return self._run("acknowledge quarantine", _QUARANTINE, until, reason, shown)

    def dead_letters(self, until: datetime, reason: str | None = None, shown: int | None = None) -> int:
        """Acknowledge the dead letters. Return how many there were. Retention deletes them later."""
        return self._run(DEAD_LETTERS, _DEAD_LETTERS, until, reason, shown)

    def failures(self, failing: Sequence[Mapping[str, Any]], until: datetime, reason: str | None = None) -> None:
        """Acknowledge the errors of the routes in these rows, which `Report.failing` has read up to `until`."""
        named = ", ".join(f"{each['channel']} {each['route']}" for each in failing)
        count = sum(each["failed"] + each["retried"] for each in failing)
        with self._engine.begin() as connection:
            journal(connection, self._actor, FAILURES, reason, f"{_up_to(until)} {named or 'none'}", count)

    def _run(self, action: str, query: TextClause, until: datetime, reason: str | None, shown: int | None) -> int:
        with self._engine.begin() as connection:
            count: int = connection.execute(query, {"until": until}).scalar_one()
            if shown is not None and count > shown:
                found = f"there are {count:,} up to the time of the page, and it said {shown:,}"
                raise UsageError(f"Nothing was acknowledged: {found}. Look at it again.")
            journal(connection, self._actor, action, reason, f"{_up_to(until)} rows={count}")
        return count


def _up_to(until: datetime) -> str:
    """Return how the scope begins: acknowledged_at.sql reads it."""
    return f"until={scope_time(until)}"
