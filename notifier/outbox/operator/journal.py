"""The journal: what operators did and why, written in the transaction of the change.

An action has one row; cancel and redrive have one for each batch of up to 1,000 deliveries, a replay of quarantine
for each shard of a batch of 100 records. No row holds the address of a recipient.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from notifier.outbox.statements import statement

_WRITE = statement(__package__, "write_journal.sql")
_READ = statement(__package__, "read_journal.sql")

_TIME = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?\+00:00")

ACTIONS = (
    "acknowledge dead letters",
    "acknowledge duplicates",
    "acknowledge failures",
    "acknowledge gaps",
    "acknowledge quarantine",
    "bring forward",
    "cancel",
    "cancel rewind",
    "erase",
    "export suppressions",
    "keep days",
    "let go",
    "pause",
    "redrive",
    "replay quarantine",
    "resolve",
    "resume",
    "retain",
    "reveal",
    "rewind",
    "suppress",
    "unsuppress",
)
"""All actions."""


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """Which rows of the journal; an empty value selects all.

    `actor` is a part of the name, `scope` a part of the scope or of the reason, `action` one of ACTIONS.
    """

    actor: str = ""
    action: str = ""
    scope: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Journal:
    """Reads the journal."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self, wanted: JournalFilter, limit: int) -> list[dict[str, Any]]:
        """Return the newest rows, at most `limit`."""
        values = {name: getattr(wanted, name) for name in ("actor", "action", "scope", "since", "until")}
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(_READ, {**values, "limit": limit}).mappings()]


def journal(
    connection: Connection, actor: str, action: str, reason: str | None, scope: str, deliveries: int = 0
) -> None:
    """Write a row into the journal, in the caller's transaction. `scope` says what the action was about."""
    values = {"actor": actor, "action": action, "reason": reason, "scope": scope, "deliveries": deliveries}
    connection.execute(_WRITE, values)


def scope_time(time: datetime) -> str:
    """Return a time as every scope has it: in UTC, to the microsecond, as 2026-01-31T12:00:00.000000+00:00.

    acknowledged_at.sql and next_start.sql read it back: to the second, what is acknowledged would be open again, and
    paces would overlap. People read `shown_scope`.
    """
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def shown_scope(scope: str) -> str:
    """Return a scope for people: with its times as commands and console show them, as 2026-01-31 12:00:00 UTC."""
    return _TIME.sub(r"\1 \2 UTC", scope)
