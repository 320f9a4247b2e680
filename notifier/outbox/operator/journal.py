"""What operators did, and why: one row an action, in the transaction of the action. Holds no recipient."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

_WRITE = text("""
INSERT INTO operations (actor, action, reason, scope, deliveries)
VALUES (:actor, :action, :reason, :scope, :deliveries)
""")

_READ = text("""
SELECT id, at, actor, action, reason, scope, deliveries FROM operations
WHERE (:actor = '' OR strpos(lower(actor), lower(:actor)) > 0) AND (:action = '' OR action = :action)
  AND (:scope = '' OR strpos(scope, :scope) > 0 OR strpos(reason, :scope) > 0)
  AND (CAST(:since AS timestamptz) IS NULL OR at >= :since) AND (CAST(:until AS timestamptz) IS NULL OR at < :until)
ORDER BY id DESC LIMIT :limit
""")

ACTIONS = (
    "acknowledge duplicates",
    "acknowledge failures",
    "acknowledge gaps",
    "acknowledge quarantine",
    "cancel",
    "cancel rewind",
    "keep days",
    "let go",
    "pause",
    "redrive",
    "resolve",
    "resume",
    "retain",
    "rewind",
    "suppress",
    "unsuppress",
)
"""All actions there are."""


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """Which rows of the journal; what is empty selects all. `actor` and `scope` are parts of what the row says;
    `scope` may also be a part of its reason.
    """

    actor: str = ""
    action: str = ""
    scope: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Journal:
    """Reads what operators did."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self, wanted: JournalFilter, limit: int) -> list[dict[str, Any]]:
        """The newest rows, at most so many."""
        values = {name: getattr(wanted, name) for name in ("actor", "action", "scope", "since", "until")}
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(_READ, {**values, "limit": limit}).mappings()]


def journal(
    connection: Connection, actor: str, action: str, reason: str | None, scope: str, deliveries: int = 0
) -> None:
    values = {"actor": actor, "action": action, "reason": reason, "scope": scope, "deliveries": deliveries}
    connection.execute(_WRITE, values)
