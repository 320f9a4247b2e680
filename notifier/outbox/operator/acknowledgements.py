"""What an operator has seen, and what counts no more: gaps, duplicates, records in quarantine, errors of routes."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, TextClause, text

from notifier.outbox.operator.journal import journal

_GAPS = text("UPDATE gaps SET acknowledged_at = now() WHERE id = ANY(:ids) AND acknowledged_at IS NULL")

_DUPLICATES = text("UPDATE duplicates SET acknowledged_at = now() WHERE acknowledged_at IS NULL")

_QUARANTINE = text("""
UPDATE quarantine SET acknowledged_at = now() WHERE replayed_at IS NULL AND acknowledged_at IS NULL
""")

FAILURES = "acknowledge failures"
"""This row of the journal is the mark itself: `failing` leaves out what is older."""


class Acknowledgements:
    """Acknowledgements by an operator, called by name in the journal, which keeps each of them."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def gaps(self, gaps: Sequence[Mapping[str, Any]], reason: str | None = None) -> int:
        """These rows of `Report.gaps`; returns how many were open until now."""
        ids = [gap["id"] for gap in gaps]
        told = ", ".join(f"{gap['shard_id']} after {gap['after_sequence_number']}" for gap in gaps[:20])
        return self._run("acknowledge gaps", _GAPS, reason, f" {told}" if told else "", ids=ids)

    def duplicates(self, reason: str | None = None) -> int:
        """All that were found until now; returns how many."""
        return self._run("acknowledge duplicates", _DUPLICATES, reason)

    def quarantine(self, reason: str | None = None) -> int:
        """All records there: they are shown no more, and deleted at the end of their time. Returns how many."""
        return self._run("acknowledge quarantine", _QUARANTINE, reason)

    def failures(self, failing: Sequence[Mapping[str, Any]], reason: str | None = None) -> None:
        """The errors of these routes, rows of `Report.failing`: those until now count no more."""
        told = ", ".join(f"{each['channel']} {each['route']}" for each in failing)
        count = sum(each["failed"] + each["retried"] for each in failing)
        with self._engine.begin() as connection:
            journal(connection, self._actor, FAILURES, reason, told or "none", count)

    def _run(self, action: str, statement: TextClause, reason: str | None, told: str = "", **values: Any) -> int:
        with self._engine.begin() as connection:
            count = connection.execute(statement, values).rowcount
            journal(connection, self._actor, action, reason, f"rows={count}{told}")
        return count
