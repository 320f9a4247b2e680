"""Personal data is shown to an operator: the journal has who saw it, and why."""

from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from notifier.outbox.days import within
from notifier.outbox.operator.journal import journal
from notifier.outbox.statements import statement

_SHOW = statement(__package__, "show.sql")


class Reveals:
    """What the operator `actor` is shown. A row is journaled in the transaction that reads it."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def notification(self, id_: UUID, reason: str) -> dict[str, Any] | None:
        """Return a notification with its delivery, as `Report.show`; None, and no row, if it does not exist."""
        with self._engine.begin() as connection:
            row = connection.execute(within(_SHOW, [id_]), {"id": id_}).mappings().first()
            if row is None:
                return None
            journal(connection, self._actor, "reveal", reason, f"notification {id_}")
            return dict(row)

    def note(self, scope: str, reason: str) -> None:
        """Journal that something else is shown. `scope` says what, without an address."""
        with self._engine.begin() as connection:
            journal(connection, self._actor, "reveal", reason, scope)
