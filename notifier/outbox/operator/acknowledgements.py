"""Acknowledge what `notifier audit` finds: gaps, duplicates, records in quarantine, dead letters, errors of routes.

What is acknowledged no longer counts as a finding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, TextClause

from notifier.outbox.operator.journal import journal
from notifier.outbox.statements import statement

_GAPS = statement(__package__, "acknowledge_gaps.sql")
_DUPLICATES = statement(__package__, "acknowledge_duplicates.sql")
_QUARANTINE = statement(__package__, "acknowledge_quarantine.sql")

FAILURES = "acknowledge failures"
"""The action in the journal. failing_routes.sql leaves out failures that are older than its newest row."""


DEAD_LETTERS = "acknowledge dead letters"
"""The action in the journal. Dead letters that are older than its newest row count no longer."""


class Acknowledgements:
    """Acknowledgements by the operator `actor`. Each is written into the journal."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def gaps(self, gaps: Sequence[Mapping[str, Any]], reason: str | None = None) -> int:
        """Acknowledge these rows of `Report.gaps`. Return how many were open."""
        ids = [gap["id"] for gap in gaps]
        named = ", ".join(f"{gap['shard_id']} after {gap['after_sequence_number']}" for gap in gaps[:20])
        return self._run("acknowledge gaps", _GAPS, reason, f" {named}" if named else "", ids=ids)

    def duplicates(self, reason: str | None = None) -> int:
        """Acknowledge all open duplicates. Return how many there were."""
        return self._run("acknowledge duplicates", _DUPLICATES, reason)

    def quarantine(self, reason: str | None = None) -> int:
        """Acknowledge all open records in quarantine. Return how many there were. Retention deletes them later."""
        return self._run("acknowledge quarantine", _QUARANTINE, reason)

    def dead_letters(self, count: int, reason: str | None = None) -> None:
        """Acknowledge the dead letters until now, of which there are `count`. Retention deletes them later."""
        with self._engine.begin() as connection:
            journal(connection, self._actor, DEAD_LETTERS, reason, f"rows={count}")

    def failures(self, failing: Sequence[Mapping[str, Any]], reason: str | None = None) -> None:
        """Acknowledge the errors until now of the routes in these rows of `Report.failing`."""
        named = ", ".join(f"{each['channel']} {each['route']}" for each in failing)
        count = sum(each["failed"] + each["retried"] for each in failing)
        with self._engine.begin() as connection:
            journal(connection, self._actor, FAILURES, reason, named or "none", count)

    def _run(self, action: str, update: TextClause, reason: str | None, named: str = "", **values: Any) -> int:
        with self._engine.begin() as connection:
            count = connection.execute(update, values).rowcount
            journal(connection, self._actor, action, reason, f"rows={count}{named}")
        return count
